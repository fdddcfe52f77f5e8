"""Turns stored answers into verdicts and scores. It needs only a CPU and no engine, and can be repeated.

It writes a Parquet file of verdicts for each benchmark and run, and one `scores.json`. Scores are shares in
[0, 1]. An item without an answer counts as wrong and as unanswered. An item that nobody could judge counts as
not right and as unjudged. No verdict is ever guessed.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from r1v3.base.atomic_write import atomic_write, write_text
from r1v3.base.progress import Progress
from r1v3.data.records import read_records
from r1v3.evaluate.answer import HELD_OUT, judged_text, read_responses
from r1v3.evaluate.items.item import Item
from r1v3.evaluate.items.load import Loaded, load_benchmark
from r1v3.evaluate.items.rows import UnreadableFileError
from r1v3.evaluate.items.source import is_miniature, warn_of_count
from r1v3.evaluate.judge import Judged, judge_many
from r1v3.evaluate.marks import apply_marks, read_marks
from r1v3.evaluate.probes import Probed, is_completed, probe_item
from r1v3.evaluate.protocols import as_released, runs_of
from r1v3.evaluate.scorers import RunScore, part_value, score_run
from r1v3.evaluate.second_judge import ask_second_judge
from r1v3.evaluate.statistics import (
    calibration_error,
    detectable_difference,
    interval,
    majority_is_right,
    mean_parts,
    pass_at_k,
    spread_of_runs,
    vote,
)
from r1v3.model.chat_template import with_think_tags
from r1v3.recipe.graph.configs import EvaluationConfig, EvaluationSettings, Probe
from r1v3.recipe.outputs.code import code_for
from r1v3.recipe.tables.benchmarks import Benchmark
from r1v3.reward import Grader, Verdict, format_reward
from r1v3.reward.configured import URL as VERIFIER_URL
from r1v3.reward.configured import open_grader

COLUMNS = (
    "key", "run", "cluster", "response", "extracted", "correct", "judged", "share", "points",
    "by", "reason", "finish_reason", "tokens", "prompt_tokens", "format", "second",
)  # fmt: skip
NEVER_ASKED = {"finish_reason": "unreadable", "tokens": 0, "prompt_tokens": 0}


class AnswersMissingError(ValueError):
    """Some questions have no answer yet. The message says how many."""


def score_evaluation(
    config: EvaluationConfig,
    *,
    responses: Path,
    benchmarks: dict[str, Path],
    held_out: dict[str, Path],
    folder: Path,
) -> dict:
    """Judge and score everything, and write `verdicts/*.parquet` and `scores.json` into the folder.

    A benchmark that cannot be read is listed under `missing` with the reason, and the others are scored.

    Args:
        responses: the folder that contains `responses/`, or `responses/` itself.

    Returns:
        The content of `scores.json`.

    Raises:
        AnswersMissingError: answers are missing. The message says how many, and of which benchmark.
    """
    stored = responses / "responses" if (responses / "responses").is_dir() else responses
    mode = config.generation.mode
    verdicts = folder / "verdicts"
    verdicts.mkdir(parents=True, exist_ok=True)
    total = len(benchmarks) + len(held_out)
    progress = Progress(total, "evaluate: scored benchmark")
    scores: dict[str, dict[str, Any]] = {"benchmarks": {}, "held_out": {}, "missing": {}}
    scores["code"] = code_for("score", config.model_dump())
    unanswered: list[str] = []
    for name, tsv in benchmarks.items():
        try:
            scores["benchmarks"][name] = score_benchmark(name, tsv, config, stored, folder)
        except UnreadableFileError as error:
            scores["missing"][name] = str(error)
            for stale in verdicts.glob(f"{name}.run-*.parquet"):
                stale.unlink()
        except AnswersMissingError as error:
            unanswered.append(str(error))
        progress.advance()
    for name, data in held_out.items():
        rows = [
            row | {"text": with_think_tags(config.template, row["text"])}
            for row in read_responses(stored, HELD_OUT + name)
        ]
        judged = judge_held_out(name, data, rows, mode)
        write_parquet(judged, verdicts / f"{HELD_OUT}{name}.parquet")
        scores["held_out"][name] = {
            "accuracy": float(judged["correct"].mean()),
            "format": float(judged["format"].mean()),
            "n": len(judged),
            "tokens": float(judged["tokens"].mean()),
            "truncated": float((judged["finish_reason"] == "length").mean()),
            "errors": float((judged["finish_reason"] == "error").mean()),
        }
        progress.advance()
    for name, found in (scores["benchmarks"] | scores["held_out"]).items():
        for what in ("errors", "unjudged"):
            if share := found.get(what):
                print(f"{name}: {100 * share:.1f} % of the answers are {what}, and count as wrong")
    for name, reason in scores["missing"].items():
        print(f"{name} is missing and not scored: {reason}", file=sys.stderr)
    if unanswered:
        raise AnswersMissingError("; ".join(unanswered))
    text = json.dumps(scores, indent=1, ensure_ascii=False, sort_keys=True)
    write_text(folder / "scores.json", text + "\n")
    return scores


def score_benchmark(
    name: str, tsv: Path, config: EvaluationConfig, stored: Path, folder: Path
) -> dict[str, Any]:
    """Judge one benchmark, write its verdicts, and return its entry of `scores.json`.

    Raises:
        UnreadableFileError: the benchmark cannot be read, or its metric cannot be computed.
        AnswersMissingError: some of its answers are missing.
    """
    entry, settings = config.entries[name], config.evaluation
    plain = load_benchmark(entry, tsv)
    probed = [probe_item(item, config.probe, entry, config.seed) for item in plain.items]
    loaded = replace(plain, items=[one.item for one in probed])
    if not is_miniature(tsv):
        warn_of_count(name, entry, loaded.items)
    rows = [
        row | {"text": with_think_tags(config.template, row["text"])}
        for row in read_responses(stored, name)
    ]
    verifier = config.grading.verifier if entry.judge != "never" else None
    count, mode = runs_of(settings), config.generation.mode
    items = {item.key: item for item in loaded.scored(entry)}

    def judge_runs(grader: Grader) -> list[pd.DataFrame]:
        return judge_all(name, entry, loaded, rows, runs=count, mode=mode, grader=grader)

    rules_alone = verifier is not None and not os.environ.get(VERIFIER_URL)
    with open_grader(None if rules_alone else verifier, folder / "judge") as grader:
        runs = judge_runs(grader)
    second = None
    if settings.second_judge and entry.judge != "never":
        second = ask_second_judge(
            settings.second_judge,
            folder / "second_judge",
            runs,
            judge_runs,
            lambda judged: score_run(scored_frame(judged), entry).value,
        )
    by_hand = folder / "marks" / f"{name}.csv"
    if by_hand.is_file():
        try:
            marks = read_marks(by_hand)
            runs = [apply_marks(judged, marks) for judged in runs]
        except ValueError as error:
            raise UnreadableFileError(f"{name}: {error}") from None
    for number, judged in enumerate(runs):
        columns = [column for column in COLUMNS if column in judged]
        write_parquet(judged[columns], folder / "verdicts" / f"{name}.run-{number}.parquet")
    found = summarise(entry, runs, items, settings, config.seed)
    found["without_picture"] = loaded.without_picture
    if second is not None:
        found["second_judge"] = second
    if config.probe is not None:
        found["probe"] = probe_facts(config.probe, probed, runs)
    found["unreadable"] = {
        "scored": entry.unreadable.scored,
        "rows": [{"row": row.row, "reason": row.reason} for row in loaded.unreadable],
    }
    if rules_alone and verifier is not None:
        found["judged_by"] = f"rules alone: {verifier.model} has no address in {VERIFIER_URL}"
    return found


def probe_facts(
    probe: Probe, probed: list[Probed], runs: list[pd.DataFrame]
) -> dict[str, str | int | float]:
    """Say what a probe changed; for `partial` also the share of questions that were continued verbatim."""
    changed = {one.item.key: one.item for one in probed if one.changed}
    facts: dict[str, str | int | float] = {"name": probe, "items_changed": len(changed)}
    if probe == "partial" and changed:
        completed = [
            is_completed(changed[key], response)
            for judged in runs
            for key, response in zip(judged["key"], judged["response"], strict=True)
            if key in changed
        ]
        facts["completed"] = sum(completed) / len(completed)
    return facts


def judge_all(
    name: str,
    entry: Benchmark,
    loaded: Loaded,
    rows: list[dict[str, Any]],
    *,
    runs: int,
    mode: str,
    grader: Grader,
) -> list[pd.DataFrame]:
    """Return the judged items of each run, in the order of the file. Equal answers are judged once.

    If the entry counts unreadable rows as wrong, they follow the other items.
    """
    items = {item.key: item for item in loaded.items}
    scored = {item.key: item for item in loaded.scored(entry)}
    reasons = {item.key: row.reason for row in loaded.unreadable for item in row.stand_ins}
    given = {(row["key"].partition("/")[2], row["run"]): row for row in rows}
    missing = [(key, run) for run in range(runs) for key in items if (key, run) not in given]
    if missing:
        raise AnswersMissingError(
            f"{name}: {len(missing)} of {runs * len(items)} answers are missing, first {missing[0]}"
        )
    asked = {
        (key, judged_text(mode, row["text"]), row["finish_reason"] == "length"): None
        for (key, run), row in given.items()
        if key in items and run < runs
    }
    found = judge_many(
        [(items[key], text) for key, text, _ in asked],
        entry,
        grader,
        cut=[cut for _, _, cut in asked],
    )
    verdicts = dict(zip(asked, found, strict=True))
    frames = []
    for run in range(runs):
        lines = []
        for key, item in scored.items():
            if key in reasons:
                verdict = Verdict(None, False, "unreadable", reasons[key])
                lines.append(_line(item, {**NEVER_ASKED, "run": run}, "", Judged(verdict, 0.0)))
                continue
            row = given[key, run]
            text = judged_text(mode, row["text"])
            lines.append(
                _line(item, row, text, verdicts[key, text, row["finish_reason"] == "length"])
            )
        frames.append(pd.DataFrame(lines))
    return frames


def _line(item: Item, row: dict, text: str, judged: Judged) -> dict:
    verdict = judged.verdict
    return {
        "key": item.key,
        "run": row["run"],
        "cluster": item.cluster,
        "response": text,
        "extracted": verdict.extracted,
        "correct": verdict.correct is True,
        "judged": verdict.correct is not None,
        "share": judged.share,
        "points": item.points,
        "by": verdict.by,
        "reason": verdict.reason,
        "finish_reason": row["finish_reason"],
        "tokens": row["tokens"],
        "prompt_tokens": row["prompt_tokens"],
        "format": format_reward(text),
        "columns": item.columns,
        "extra": item.extra,
    }


def scored_frame(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the input of a scorer: the judged items with the columns that the metric groups by."""
    columns = pd.DataFrame(list(judged["columns"]), index=judged.index)
    known = judged[["key", "cluster", "correct", "share", "points", "extra"]]
    return pd.concat([known, columns.drop(columns=known.columns, errors="ignore")], axis=1)


def summarise(
    entry: Benchmark,
    runs: list[pd.DataFrame],
    items: dict[str, Item],
    settings: EvaluationSettings,
    seed: int,
) -> dict:
    """Return one benchmark's entry of `scores.json`."""
    ours = [score_run(scored_frame(judged), entry) for judged in runs]
    released = score_run(scored_frame(as_released(runs[0], items, entry)), entry)
    scores = ours if settings.protocol == "report" else [released]
    found = interval(
        scores, resamples=settings.resamples, confidence=settings.confidence, seed=seed
    )
    every = pd.concat(runs)
    asked = every[every["finish_reason"] != "unreadable"]
    clusters = len(scores[0].parts[scores[0].headline[0]])
    return {
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "standard_error": found.error,
        "n": len(items),
        "clusters": clusters,
        "runs": len(runs),
        "by_run": [run.value for run in scores],
        "spread": spread_of_runs(scores),
        "detectable_difference": detectable_difference(
            found.error, correlation=0.0, confidence=settings.confidence
        ),
        "protocols": {
            "report": sum(run.value for run in ours) / len(ours),
            "released": released.value,
            "first_run": ours[0].value,
        },
        "parts": {name: part_value(part) for name, part in mean_parts(scores).items()},
        "details": _mean_details(scores),
        "unanswered": float(asked["extracted"].isna().mean()),
        "truncated": float((asked["finish_reason"] == "length").mean()),
        "errors": float((asked["finish_reason"] == "error").mean()),
        "unjudged": float((~asked["judged"]).mean()),
        "format": float(asked["format"].mean()),
        "tokens": float(asked["tokens"].mean()),
        **_repeated(every, len(runs)),
    }


def _mean_details(scores: list[RunScore]) -> dict[str, float]:
    names = sorted(set().union(*(run.details for run in scores)))
    return {
        name: sum(run.details[name] for run in having) / len(having)
        for name in names
        if (having := [run for run in scores if name in run.details])
    }


def _repeated(every: pd.DataFrame, runs: int) -> dict:
    """Compute pass@k and majority@k over the runs, by item."""
    groups = every.groupby("key", sort=False)
    right = groups["correct"].sum()
    majority = [
        majority_is_right(
            [a if isinstance(a, str) else None for a in g["extracted"]], list(g["correct"])
        )
        for _, g in groups[["extracted", "correct"]]
    ]
    return {
        "pass_at": {
            str(k): float(pd.Series([pass_at_k(int(c), runs, k) for c in right]).mean())
            for k in range(1, runs + 1)
        },
        "majority": float(sum(majority) / len(majority)),
        **({"agreement": agreement_of(every, runs)} if runs > 1 else {}),
    }


def agreement_of(every: pd.DataFrame, runs: int) -> dict[str, Any]:
    """Use the agreement of an item's runs as confidence, and measure calibration and abstaining.

    The confidence of an item is the share of its runs that give its commonest answer. With abstaining, an
    item is answered only if so many runs agree, with their answer.
    """
    items = [
        vote(
            [a if isinstance(a, str) else None for a in group["extracted"]], list(group["correct"])
        )
        for _, group in every.groupby("key", sort=False)[["extracted", "correct"]]
    ]
    return {
        "calibration_error": calibration_error(items, runs),
        "abstaining": [
            {
                "agree": agree,
                "answered": len(kept) / len(items),
                "right": sum(one.right for one in kept) / len(kept) if kept else None,
            }
            for agree in range(1, runs + 1)
            for kept in [[one for one in items if one.votes >= agree]]
        ],
    }


def judge_held_out(name: str, data: Path, rows: list[dict], mode: str) -> pd.DataFrame:
    """Return the judged answers of a held-out set; there is one greedy answer to each question."""
    given = {row["key"].partition("/")[2]: row for row in rows}
    records = read_records(data)
    missing = [record.id for record in records if record.id not in given]
    if missing:
        raise ValueError(f"{name}: {len(missing)} of {len(records)} answers are missing")
    texts = [judged_text(mode, given[record.id]["text"]) for record in records]
    asked = [
        {
            "response": text,
            "gold": record.answer,
            "type": record.answer_type,
            "options": list(record.options) if record.options else None,
            "question": record.question,
            "tolerance": None,
        }
        for record, text in zip(records, texts, strict=True)
    ]
    with Grader() as grader:
        verdicts = grader.grade_many(asked)
    return pd.DataFrame(
        {
            "key": record.id,
            "domain": record.domain,
            "task": record.meta.get("task", ""),
            "response": text,
            "extracted": verdict.extracted,
            "correct": verdict.correct is True,
            "by": verdict.by,
            "reason": verdict.reason,
            "format": format_reward(text),
            "finish_reason": given[record.id]["finish_reason"],
            "tokens": given[record.id]["tokens"],
        }
        for record, text, verdict in zip(records, texts, verdicts, strict=True)
    )


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a table atomically."""
    with atomic_write(path) as partial:
        frame.to_parquet(partial, index=False)
