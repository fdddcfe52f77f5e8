"""Writes `results/summary.json`: the scores of the core path in one small file, as shares in [0, 1]."""

from pathlib import Path
from typing import Any

from r1v3.analyze.results import read_scores
from r1v3.recipe.outputs.manifest import write_json

SCORE = ("accuracy", "format", "n")
BENCHMARK = ("mean", "low", "high", "n", "runs")


def write_summary(*, held_out: list[Path], benchmarks: Path, output: Path) -> dict[str, Any]:
    """Write the summary: `models.<run>.<set>` on held-out sets, `benchmarks.<name>` of the final run.

    Args:
        held_out: scores.json of each model, in the order of the table.
        benchmarks: scores.json of the final model.

    Raises:
        ValueError: two of the held-out scores belong to the same run.
    """
    models: dict[str, dict[str, Any]] = {}
    for path in held_out:
        scores = read_scores(path)
        if scores.run in models:
            raise ValueError(
                f"{path}: {scores.run} is scored twice; one checkpoint a run is expected"
            )
        models[scores.run] = {
            name: {key: score[key] for key in SCORE} for name, score in scores.held_out.items()
        }
    found = read_scores(benchmarks).benchmarks
    summary = {
        "models": models,
        "benchmarks": {
            name: {key: score[key] for key in BENCHMARK} for name, score in found.items()
        },
    }
    write_json(output, summary)
    return summary
