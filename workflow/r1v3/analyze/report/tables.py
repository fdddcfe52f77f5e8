"""Tables of the report as plain rows for its template. Percentages are texts with a decimal point."""

from typing import Any

from r1v3.analyze.results import Result, Scores, chosen_step, name_of
from r1v3.evaluate.statistics import wilson
from r1v3.recipe.graph.configs import (
    CheckpointOf,
    GrpoConfig,
    ModelConfig,
    SampledDataConfig,
    SftConfig,
    SourceDataConfig,
)
from r1v3.recipe.schema.data import HubModel
from r1v3.recipe.schema.training import Grpo, Sft
from r1v3.recipe.tables.benchmarks import MODELS, ListedBenchmark
from r1v3.render.page import percent

SETS = {"math": "Mathematics", "multi_domain": "Multi-domain"}
STAGES = {
    "base": "Base",
    "cold_start": "Cold-start SFT",
    "rl": "GRPO, chosen checkpoint",
    "final": "Connector-only tuning",
}


def stage_rows(models: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each model's held-out scores, with the interval and the gain over the model above it."""
    rows: list[dict[str, Any]] = []
    before: dict[str, Any] | None = None
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


def run_rows(runs: list[Result], data: dict[str, Result]) -> list[dict[str, Any]]:
    """Return the main settings of each run; its config.json has all of them.

    Args:
        data: data sets by id, for the number of their records.
    """
    return [_run_row(run, data) for run in runs]


def _run_row(run: Result, data: dict[str, Result]) -> dict[str, Any]:
    config = run.config
    if isinstance(config, GrpoConfig):
        settings = config.settings
        row = _trained_row(run, "GRPO", _checkpoint(config.start), config.data, settings)
        row["batch"] = f"{settings.prompts_per_step} prompts × {settings.samples} samples"
        row["length"] = " → ".join(f"{stage.tokens:,}" for stage in settings.lengths)
    elif isinstance(config, SftConfig):
        start = _checkpoint(config.start)
        row = _supervised_row(run, start, config.data, config.settings)
    elif isinstance(config, ModelConfig):
        spec, start = config.spec, name_of(config.start) if config.start else "nothing"
        if isinstance(spec, HubModel):
            row = _row(run, "download", spec.id, "")
        else:
            row = _supervised_row(run, start, spec.data, spec.settings)
    else:
        raise ValueError(f"{run.folder}: a run is needed, not a result of kind {run.kind}")
    learned = row.pop("learned")
    return row | {
        "data": name_of(learned) or "none",
        "records": data[learned].facts["records"] if learned in data else None,
    }


def _supervised_row(run: Result, start: str, learned: str, settings: Sft) -> dict[str, Any]:
    row = _trained_row(run, "SFT", start, learned, settings)
    row["batch"] = f"{settings.batch_size} samples"
    row["length"] = f"{settings.max_length:,}"
    if run.facts.get("best_step") is not None:
        row["steps"] += f", best {run.facts['best_step']:,}"
    return row


def _trained_row(
    run: Result, stage: str, start: str, learned: str, settings: Sft | Grpo
) -> dict[str, Any]:
    row = _row(run, stage, start, learned)
    row["trained"] = ", ".join(group.replace("_", " ") for group in settings.train)
    row["rate"] = f"{settings.optimizer.learning_rate:g}"
    return row


def _row(run: Result, stage: str, start: str, learned: str) -> dict[str, Any]:
    """Return the columns that every run has; `learned` is the id or name of its data set."""
    return {
        "name": run.name,
        "id": run.id,
        "stage": stage,
        "start": start,
        "learned": learned,
        "trained": "",
        "rate": "",
        "steps": f"{run.facts['steps']:,}",
        "batch": "",
        "length": "",
    }


def _checkpoint(start: CheckpointOf) -> str:
    return f"{name_of(start.run)}, {start.checkpoint}"


def data_rows(data: list[Result]) -> list[dict[str, Any]]:
    """Return the number of records of each training set, and the forms of their answers."""
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
                "instead": _replaced_set(result),
            }
        )
    return rows


def _replaced_set(result: Result) -> str:
    """Return the report's data set that a set from sources replaces."""
    config = result.config
    return (config.set.stands_in_for or "") if isinstance(config, SourceDataConfig) else ""


def funnel_head(result: Result) -> dict[str, Any]:
    """Say which model answered, how often, and for how many questions one of its answers was kept."""
    funnel = result.facts["funnel"]
    written = funnel.get("written", 0)
    others = written + funnel.get("came with a response", 0) + funnel.get("question alone", 0)
    own = result.facts["questions_kept"] - others
    return {
        "name": result.name,
        "by": result.config_as(SampledDataConfig).by.run.rpartition("-")[0],
        "asked": funnel["asked"],
        "times": funnel["sampled"] // max(1, funnel["asked"]),
        "pass_rate": percent(result.facts["pass_rate"]),
        "own": own,
        "own_share": percent(own / max(1, funnel["asked"])),
        "written": written,
    }


def chain_rows(result: Result) -> list[dict[str, Any]]:
    """Return what happened to the sampled responses; shares are of all sampled ones."""
    funnel = result.facts["funnel"]
    sampled = funnel["sampled"]
    removed = [key for key in funnel if key.startswith("removed: ")]
    passed = funnel.get("right", 0) - sum(funnel[key] for key in removed)
    steps = {"chains sampled": sampled}
    if funnel.get("unjudged"):
        steps["without a verdict"] = -funnel["unjudged"]
    steps["final answer right"] = funnel.get("right", 0)
    steps |= {f"removed as {key.removeprefix('removed: ')}": -funnel[key] for key in removed}
    others = {
        "written answers instead": funnel.get("written", 0),
        "questions without an answer": funnel.get("question alone", 0),
        "came with a response": funnel.get("came with a response", 0),
    }
    steps |= {"passed the filters": passed, "kept": funnel["kept"] - sum(others.values())}
    steps |= {what: count for what, count in others.items() if count}
    return [
        {"what": what, "count": count, "share": percent(abs(count) / max(1, sampled))}
        for what, count in steps.items()
    ]


def checkpoint_rows(selection: Result, scores: list[Scores]) -> list[dict[str, Any]]:
    """Return the probe of each kept checkpoint with its benchmark score; `entropy` is None if words are few.

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


def benchmark_groups(
    scores: Scores, table: dict[str, ListedBenchmark]
) -> dict[str, list[dict[str, Any]]]:
    """Return Table 1 by its groups: our score, and the six published scores of the report."""
    groups: dict[str, list[dict[str, Any]]] = {}
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
    place = {group: number for number, group in enumerate(order)}
    return dict(sorted(groups.items(), key=lambda pair: place.get(pair[0], len(order))))
