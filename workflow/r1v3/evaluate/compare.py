"""Compares two models on the same items, by benchmark, with a correction for the number of benchmarks."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from r1v3.evaluate.items.item import Item
from r1v3.evaluate.items.load import load_scored
from r1v3.evaluate.scorers import RunScore, score_run
from r1v3.evaluate.statistics import compare_paired, holm, smallest_effect
from r1v3.recipe.graph.configs import EvaluationConfig
from r1v3.recipe.outputs.stage import read_config
from r1v3.recipe.tables.benchmarks import Benchmark
from r1v3.render.page import percent
from r1v3.render.text_table import TextTable


def scores_of(tsv: Path, verdicts: Path, name: str) -> list[RunScore]:
    """Compute each run's score again from the verdicts of an evaluation.

    Raises:
        ValueError: there are no verdicts of the benchmark.
    """
    paths = sorted(verdicts.glob(f"{name}.run-*.parquet"))
    if not paths:
        raise ValueError(f"{verdicts}: no verdicts of {name}")
    entry = entry_of(verdicts.parent, name)
    items = load_scored(entry, tsv)
    return [score_run(_frame(pd.read_parquet(path), items), entry) for path in paths]


def entry_of(evaluation: Path, name: str) -> Benchmark:
    """Return the entry by which an evaluation asked and scored a benchmark."""
    return read_config(evaluation / "config.json", EvaluationConfig).entries[name]


@dataclass(frozen=True)
class Other:
    """A model to compare with: its name, its folder of verdicts, and the benchmarks that both answered."""

    name: str
    verdicts: Path
    benchmarks: list[str]


def compare_models(
    benchmarks: dict[str, Path],
    verdicts: Path,
    others: list[Other],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> list[dict]:
    """Compute the model's score minus each other model's, on each benchmark that both answered.

    Args:
        benchmarks: the TSV of each benchmark.
        verdicts: the model's folder of verdicts.

    Returns:
        A row for each comparison, in shares. p is also corrected for the number of all comparisons.
    """
    rows = []
    settings = {"resamples": resamples, "confidence": confidence, "seed": seed}
    pairs = [(name, other) for other in others for name in other.benchmarks]
    for name, other in pairs:
        tsv = benchmarks[name]
        ours, theirs = scores_of(tsv, verdicts, name), scores_of(tsv, other.verdicts, name)
        found = compare_paired(ours, theirs, **settings)
        rows.append(
            {
                "benchmark": name,
                "against": other.name,
                "difference": found.difference,
                "low": found.low,
                "high": found.high,
                "p": found.p,
                "clusters": found.clusters,
                "shows": smallest_effect(found.error, confidence=confidence),
            }
        )
    corrected = holm([row["p"] for row in rows])
    return [{**row, "p_corrected": p} for row, p in zip(rows, corrected, strict=True)]


def comparison_table(rows: list[dict], model: str, titles: dict[str, str]) -> TextTable:
    """Return the comparisons as a table."""
    header = ["Benchmark", f"{model} minus", "n", "difference", "interval", "p", "p (Holm)"]
    header.append("shows, paired")
    lines = [
        [
            titles[row["benchmark"]],
            row["against"],
            str(row["clusters"]),
            percent(row["difference"]),
            f"[{percent(row['low'])}, {percent(row['high'])}]",
            f"{row['p']:.3f}",
            f"{row['p_corrected']:.3f}",
            percent(row["shows"]) if row["shows"] > 0 else "-",
        ]
        for row in rows
    ]
    caption = (
        f"{model} minus another model in points, paired over items at the mean of their runs: bootstrap"
        " interval, permutation p, and p corrected for the number of rows (Holm). n counts what hangs"
        " together, as the benchmark has it; the runs of an item are one item. Shows: the smallest"
        " difference that these pairs show with 80 % power; a dash where all pairs differ alike, which"
        " says nothing of others."
    )
    return TextTable(caption, header, lines)


def protocol_table(scores: dict[str, dict], titles: dict[str, str]) -> TextTable:
    """Show how much the choice of the protocol changes the score of the same answers.

    Args:
        scores: `benchmarks` of `scores.json`.
    """
    header = [
        "Benchmark",
        "report",
        "first run",
        "released rule, first run",
        "rule moves",
        "all moves",
        "shows",
    ]
    lines = []
    for name, score in scores.items():
        found = score["protocols"]
        report, first, released = found["report"], found["first_run"], found["released"]
        moves = (released - first, released - report)
        cells = [*map(percent, (report, first, released)), *map(_signed, moves)]
        lines.append([titles[name], *cells, percent(score["detectable_difference"])])
    caption = (
        "The same answers under both protocols: five runs and our grader, or the first run under the"
        " released rule. The released temperatures need answers of their own. Shows: the smallest difference"
        " that this many items show between two models."
    )
    return TextTable(caption, header, lines)


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}"


def _frame(verdicts: pd.DataFrame, items: dict[str, Item]) -> pd.DataFrame:
    columns = pd.DataFrame([items[key].columns for key in verdicts["key"]], index=verdicts.index)
    extra = pd.Series([items[key].extra for key in verdicts["key"]], index=verdicts.index)
    known = verdicts[["key", "cluster", "correct", "share", "points"]].assign(extra=extra)
    return pd.concat([known, columns.drop(columns=known.columns, errors="ignore")], axis=1)
