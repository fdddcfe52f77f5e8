"""Writes results/plots/*.csv, the data of `dvc plots`, at paths without a hash."""

import csv
from pathlib import Path
from typing import Any

from r1v3.analyze.results import chosen_step, read_result, read_scores

CURVES = ("reward", "accuracy", "format", "response_length", "entropy", "loss")


def write_plots(*, run: Path, selection: Path, scores: list[Path], folder: Path) -> None:
    """Write `grpo.csv`, with one line a step, and `checkpoints.csv`, with one line a checkpoint.

    Args:
        run: manifest of the GRPO run.
        selection: manifest of the run's selection.
        scores: scores.json of each checkpoint of the run.
    """
    metrics = read_result(run).metrics
    rows = [{"step": row["step"], **{key: row.get(key) for key in CURVES}} for row in metrics]
    _write(Path(folder) / "grpo.csv", ["step", *CURVES], rows)
    found = read_result(selection)
    by_step = {each.step: each for each in map(read_scores, scores)}
    rows = []
    for probe in found.facts["checkpoints"]:
        step = probe["step"]
        row = {"step": step, "critical_token_entropy": probe["emitted"]["mean"]}
        row |= {name: score["mean"] for name, score in by_step[step].benchmarks.items()}
        rows.append(row | {"chosen": int(step == chosen_step(found))})
    _write(Path(folder) / "checkpoints.csv", list(rows[0]), rows)


def _write(path: Path, columns: list[str], rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
