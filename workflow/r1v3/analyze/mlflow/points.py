"""Turns the numbers of a run into points of MLflow: (metric, value, time in ms, step)."""

import math
from datetime import datetime
from typing import Any

from r1v3.analyze.cost import stage_cost
from r1v3.analyze.mlflow.store import Point
from r1v3.analyze.results import Result, Scores, chosen_step

# Training measures it on the prompts of a step. The plain name is for the probe, common to all checkpoints.
RENAMED = {"critical_token_entropy": "critical_token_entropy_sampled"}
PROBED = ("critical_token_entropy", "probe_critical_tokens", "probe_reward", "probe_entropy")


def row_points(rows: list[dict[str, Any]], start: int, seconds: float = 0.0) -> list[Point]:
    """Return every number in rows of metrics.jsonl, with the time at which its step ended.

    Args:
        start: time at which the run began, in ms.
        seconds: duration of the steps before these rows.
    """
    points = []
    for row in rows:
        seconds += row.get("seconds", 0.0)
        time = start + round(1000 * seconds)
        for key, value in row.items():
            if key != "step" and _finite(value):
                points.append((RENAMED.get(key, key), value, time, row["step"]))
    return points


def cost_points(run: Result) -> list[Point]:
    """Return the resources that a run's job used, as MLflow's system metrics, at its last step."""
    cost = stage_cost(run.folder / "benchmark.tsv")
    if cost is None:
        return []
    _, time = times(run)
    values = {
        "system/hours": cost["wall"] / 3600,
        "system/gpu_hours": cost["gpu"] / 3600,
        "system/processor_hours": cost["processor"] / 3600,
        "system/peak_memory_gib": cost["memory"] / 1024,
    }
    return [(name, value, time, last_step(run)) for name, value in values.items()]


def score_points(
    run: Result, scores: list[Scores], probes: Result | None, asked: str | None = None
) -> list[Point]:
    """Return the probes of a GRPO run's checkpoints and all scores, at the step of the scored checkpoint.

    Args:
        scores: evaluations; if two have the same metric at the same step, the first counts.
        asked: the benchmark that every checkpoint is asked; its metric has no prefix, whatever the suite.
    """
    _, time = times(run)
    points = []
    for probe in probes.facts["checkpoints"] if probes else []:
        values = (
            probe["emitted"][
                "mean"
            ],  # even from few tokens, because their count is shown beside it
            probe["emitted"]["count"],
            probe["reward"],
            probe["entropy"],
        )
        points += [(k, v, time, probe["step"]) for k, v in zip(PROBED, values) if _finite(v)]
    found_at: dict[tuple[str, int], float] = {}
    for found in scores:
        step = _step(found, run, probes)
        for name, value in _named(found, asked).items():
            found_at.setdefault((name, step), value)
    return points + [(name, value, time, step) for (name, step), value in found_at.items()]


def checkpoint_metrics(scores: list[Scores], asked: str | None = None) -> set[str]:
    """Return the metrics of a checkpoint's own run: its probe, and the scores that every checkpoint has."""
    of_steps = [found for found in scores if found.step is not None]
    return {name for found in of_steps for name in _named(found, asked)} | set(PROBED)


def _named(scores: Scores, asked: str | None) -> dict[str, float]:
    """Return scores by name of metric. Those that only studies need have the prefix `validation/`."""
    studied = scores.resolved["suite"] == "study"
    named = {
        f"validation/{name}" if studied and name != asked else name: score["mean"]
        for name, score in scores.benchmarks.items()
    }
    place = "validation" if studied else "held_out"
    for name, score in scores.held_out.items():
        named |= {f"{place}/{name}/{key}": score[key] for key in ("accuracy", "format")}
    return named


def times(run: Result) -> tuple[int, int]:
    """Return start and end of a run in ms. The end is the time at which its manifest was written."""
    end = round(1000 * datetime.fromisoformat(run.created).timestamp())
    seconds = sum(row.get("seconds", 0.0) for row in run.metrics)
    return end - round(1000 * seconds), end


def last_step(run: Result) -> int:
    """Return the step of the checkpoint that `last` means."""
    best = run.facts.get("best_step")
    return run.facts["steps"] if best is None else best


def _step(scores: Scores, run: Result, probes: Result | None) -> int:
    if scores.step is not None:
        return scores.step
    if scores.resolved["checkpoint"] == "selected" and probes is not None:
        return chosen_step(probes)
    return last_step(run)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
