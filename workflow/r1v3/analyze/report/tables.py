"""The tables of the report, as plain rows for its template. Percentages are texts, with a point."""

from r1v3.analyze.results import Result, Scores, chosen_step, name_of
from r1v3.evaluate.statistics import wilson
from r1v3.recipe.tables.benchmarks import MODELS, Listed
from r1v3.render.page import percent

SETS = {"math": "Mathematics", "multi_domain": "Multi-domain"}
STAGES = {
    "base": "Base",
    "cold_start": "Cold-start SFT",
    "rl": "GRPO, chosen checkpoint",
    "final": "Connector-only tuning",
}


def stage_rows(models: dict[str, dict]) -> list[dict]:
    """Each model's held-out scores, with its interval and the gain over the model above."""
    rows: list[dict] = []
    before: dict | None = None
    for name, scores in models.items():
        cells = []
        for key, score in scores.items():
            low, high = wilson(score["accuracy"], score["n"], 0.95)
            gain = score["accuracy"] - before[key]["accuracy"] if before else None
            cells.append(
                {
                    "accuracy": percent(score["accuracy"]),
                    "interval": f"{percent(low)} to {percent(high)}",
                    "gain": "" if gain is None else f"{100 * gain:+.1f}",
                    "format": percent(score["format"]),
                    "n": f"{score['n']:,}",
                }
            )
        rows.append({"name": name, "label": STAGES.get(name, name), "cells": cells})
        before = scores
    return rows


def run_rows(runs: list[Result], data: dict[str, Result]) -> list[dict]:
    """What each run did, in one line; its config.json holds the rest."""
    return [_run_row(run, data) for run in runs]


def _run_row(run: Result, data: dict[str, Result]) -> dict:
    document = run.document
    spec = document.get("spec", {})
    settings = document.get("settings") or spec.get("settings") or {}
    start = document.get("start")
    learned = document["data"] if isinstance(document.get("data"), str) else spec.get("data", "")
    row = {
        "name": run.name,
        "id": run.id,
        "stage": {"model": "SFT" if settings else "download", "sft": "SFT", "grpo": "GRPO"}[
            run.kind
        ],
        "start": _start(start) if start else spec.get("id", "nothing"),
        "data": name_of(learned) or "none",
        "records": data[learned].facts["records"] if learned in data else None,
        "trained": ", ".join(group.replace("_", " ") for group in settings.get("train", [])),
        "rate": "",
        "steps": f"{run.facts['steps']:,}",
        "batch": "",
        "length": "",
    }
    if settings:
        row["rate"] = f"{settings['optimizer']['learning_rate']:g}"
    if run.kind == "grpo":
        row["batch"] = f"{settings['prompts_per_step']} prompts × {settings['samples']} samples"
        row["length"] = " → ".join(f"{stage['tokens']:,}" for stage in settings["lengths"])
    elif settings:
        row["batch"] = f"{settings['batch_size']} samples"
        row["length"] = f"{settings['max_length']:,}"
        if run.facts.get("best_step") is not None:
            row["steps"] += f", best {run.facts['best_step']:,}"
    return row


def _start(start: str | dict) -> str:
    if isinstance(start, str):
        return name_of(start)
    return f"{name_of(start['run'])}, {start['checkpoint']}"


def data_rows(data: list[Result]) -> list[dict]:
    """How many records each training set has, and in which forms."""
    forms = {
        "mcq": "multiple choice",
        "mcq_multi": "several letters",
        "fill": "fill-in",
        "open": "open",
    }
    rows = []
    for result in data:
        facts = result.facts
        kinds = facts["answer_type"].items()
        rows.append(
            {
                "name": result.name,
                "records": f"{facts['records']:,}",
                "images": f"{facts['images']:,}",
                "forms": ", ".join(f"{forms.get(k, k)} {v:,}" for k, v in kinds),
                "instead": result.document["set"].get("stands_in_for") or "",
            }
        )
    return rows


def funnel_head(result: Result) -> dict:
    """Who answered, how often, and for how many questions an answer of its own is kept."""
    funnel = result.facts["funnel"]
    written = funnel.get("written", 0)
    own = result.facts["questions_kept"] - written
    return {
        "name": result.name,
        "by": result.document["by"]["run"].rpartition("-")[0],
        "asked": funnel["asked"],
        "times": funnel["sampled"] // funnel["asked"],
        "pass_rate": percent(result.facts["pass_rate"]),
        "own": own,
        "own_share": percent(own / funnel["asked"]),
        "written": written,
    }


def funnel_rows(result: Result) -> list[dict]:
    """Where the sampled chains went; the shares are of all sampled ones."""
    funnel = result.facts["funnel"]
    sampled = funnel["sampled"]
    removed = [key for key in funnel if key.startswith("removed: ")]
    passed = funnel.get("right", 0) - sum(funnel[key] for key in removed)
    steps = {"chains sampled": sampled}
    if funnel.get("unjudged"):
        steps["without a verdict"] = -funnel["unjudged"]
    steps["final answer right"] = funnel.get("right", 0)
    steps |= {f"removed as {key.removeprefix('removed: ')}": -funnel[key] for key in removed}
    written = funnel.get("written", 0)
    steps |= {"passed the filters": passed, "kept": funnel["kept"] - written}
    if written:
        steps["written answers instead"] = written
    return [
        {"what": what, "count": count, "share": percent(abs(count) / sampled)}
        for what, count in steps.items()
    ]


def checkpoint_rows(selection: Result, scores: list[Scores]) -> list[dict]:
    """Each kept checkpoint's probe beside its benchmark score; `entropy` is None where words are too few.

    Raises:
        ValueError: a probed checkpoint has no benchmark score.
    """
    by_step = {found.step: found for found in scores}
    rows = []
    for probe in selection.facts["checkpoints"]:
        if probe["step"] not in by_step:
            raise ValueError(f"{selection.folder}: step {probe['step']} has no benchmark score")
        (benchmark, score), *_ = by_step[probe["step"]].benchmarks.items()
        rows.append(
            {
                "step": probe["step"],
                "chosen": probe["step"] == chosen_step(selection),
                "entropy": probe["critical_token_entropy"],
                "low": probe["emitted"]["low"],
                "high": probe["emitted"]["high"],
                "count": probe["emitted"]["count"],
                "sentences": probe["candidate"]["mean"],
                "control": probe["control"]["mean"],
                "reward": probe["reward"],
                "benchmark": benchmark,
                "score": score,
            }
        )
    return rows


def benchmark_groups(scores: Scores, table: dict[str, Listed]) -> dict[str, list[dict]]:
    """Table 1 by its groups: our score, and the six published ones where the report has them."""
    groups: dict[str, list[dict]] = {}
    for name, score in scores.benchmarks.items():
        entry = table[name]
        published = {model: entry.published.get(model) for model in MODELS}
        groups.setdefault(entry.group, []).append(
            {
                "name": name,
                "title": entry.title,
                "score": score,
                "mean": percent(score["mean"]),
                "interval": f"{percent(score['low'])} to {percent(score['high'])}",
                "spread": "" if score.get("spread") is None else percent(score["spread"]),
                "n": f"{score['n']:,}",
                "runs": score["runs"],
                "published": [
                    f"{p.score:.1f}{'*' if p.by_authors else ''}" if p else None
                    for p in published.values()
                ],
            }
        )
    order = ["General", "Mathematics", "Logic", "Physics", "Beyond Table 1"]
    return dict(sorted(groups.items(), key=lambda pair: order.index(pair[0])))
