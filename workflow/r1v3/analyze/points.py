"""The numbers of a run as points of MLflow: (metric, value, time in ms, step)."""

import math
from datetime import datetime

from r1v3.analyze.results import Result, Scores, chosen_step
from r1v3.analyze.store import Point

# In training this is measured on the step's own prompts; the plain name is the probe's, which compares.
RENAMED = {"critical_token_entropy": "critical_token_entropy_sampled"}
PROBED = ("critical_token_entropy", "probe_critical_tokens", "probe_reward", "probe_entropy")


def row_points(rows: list[dict], start: int, seconds: float = 0.0) -> list[Point]:
    """Every number of rows of metrics.jsonl, at the time at which it came to be.

    Args:
        start: when the run began, in ms.
        seconds: what the rows before these took.
    """
    points = []
    for row in rows:
        seconds += row.get("seconds", 0.0)
        time = start + round(1000 * seconds)
        for key, value in row.items():
            if key != "step" and _finite(value):
                points.append((RENAMED.get(key, key), value, time, row["step"]))
    return points


def score_points(run: Result, scores: list[Scores], probes: Result | None) -> list[Point]:
    """The probes of a GRPO run's checkpoints and every score, at the step of the checkpoint scored."""
    _, time = times(run)
    points = []
    for probe in probes.facts["checkpoints"] if probes else []:
        values = (
            probe["emitted"]["mean"],  # however few: the count stands beside
            probe["emitted"]["count"],
            probe["reward"],
            probe["entropy"],
        )
        points += [(k, v, time, probe["step"]) for k, v in zip(PROBED, values) if _finite(v)]
    for found in scores:
        step = _step(found, run, probes)
        values = {name: score["mean"] for name, score in found.benchmarks.items()}
        for name, score in found.held_out.items():
            values |= {f"held_out/{name}/{key}": score[key] for key in ("accuracy", "format")}
        points += [(k, v, time, step) for k, v in values.items()]
    return points


def checkpoint_metrics(scores: list[Scores]) -> set[str]:
    """What a checkpoint's own run shows: its probe, and the benchmarks that every checkpoint has."""
    benchmarks = {name for found in scores if found.step is not None for name in found.benchmarks}
    return benchmarks | set(PROBED)


def times(run: Result) -> tuple[int, int]:
    """Start and end of a run in ms; the end is when its manifest was written."""
    end = round(1000 * datetime.fromisoformat(run.created).timestamp())
    seconds = sum(row.get("seconds", 0.0) for row in run.metrics)
    return end - round(1000 * seconds), end


def last_step(run: Result) -> int:
    """The step of the checkpoint that `last` stands for."""
    best = run.facts.get("best_step")
    return run.facts["steps"] if best is None else best


def _step(scores: Scores, run: Result, probes: Result | None) -> int:
    if scores.step is not None:
        return scores.step
    if scores.document["checkpoint"] == "selected" and probes is not None:
        return chosen_step(probes)
    return last_step(run)


def _finite(value) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
