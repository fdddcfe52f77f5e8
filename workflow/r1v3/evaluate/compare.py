"""Two models on the same items, benchmark by benchmark, with a correction for the number of benchmarks."""

from pathlib import Path

import pandas as pd

from r1v3.evaluate.items import Item
from r1v3.evaluate.load import load_items
from r1v3.evaluate.scorers import Score, score_run
from r1v3.evaluate.source import entry_beside
from r1v3.evaluate.statistics import compare, detectable_difference, holm, interval
from r1v3.evaluate.tables import Grid, percent


def scores_of(tsv: Path, verdicts: Path, name: str) -> list[Score]:
    """Each run's score again, from the verdicts of an evaluation.

    Raises:
        ValueError: there are no verdicts of the benchmark.
    """
    entry = entry_beside(tsv)
    items = {item.key: item for item in load_items(entry, tsv)}
    paths = sorted(verdicts.glob(f"{name}.run-*.parquet"))
    if not paths:
        raise ValueError(f"{verdicts}: no verdicts of {name}")
    return [score_run(_frame(pd.read_parquet(path), items), entry) for path in paths]


def compare_models(
    benchmarks: dict[str, Path],
    a: Path,
    b: Path,
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> list[dict]:
    """Model a minus model b on every benchmark; shares in [0, 1].

    Args:
        a, b: the folders of verdicts of two evaluations.
    """
    rows = []
    settings = {"resamples": resamples, "confidence": confidence, "seed": seed}
    for name, tsv in benchmarks.items():
        ours, theirs = scores_of(tsv, a, name), scores_of(tsv, b, name)
        found = compare(ours, theirs, **settings)
        error = max(interval(scores, **settings).error for scores in (ours, theirs))
        rows.append(
            {
                "benchmark": name,
                "title": entry_beside(tsv).title,
                "difference": found.difference,
                "low": found.low,
                "high": found.high,
                "p": found.p,
                "clusters": found.clusters,
                "shows": detectable_difference(error, correlation=0.0, confidence=confidence),
            }
        )
    corrected = holm([row["p"] for row in rows])
    return [{**row, "p_corrected": p} for row, p in zip(rows, corrected, strict=True)]


def comparison_table(rows: list[dict], a: str, b: str) -> Grid:
    """The comparison as a table."""
    header = ["Benchmark", "n", f"{a} - {b}", "interval", "p", "p (Holm)", "shows, unpaired"]
    lines = [
        [
            row["title"],
            str(row["clusters"]),
            percent(row["difference"]),
            f"[{percent(row['low'])}, {percent(row['high'])}]",
            f"{row['p']:.3f}",
            f"{row['p_corrected']:.3f}",
            percent(row["shows"]),
        ]
        for row in rows
    ]
    caption = (
        f"{a} minus {b} in points, paired over items at the mean of their runs: bootstrap interval,"
        " permutation p, and p corrected for the number of benchmarks (Holm)."
    )
    return Grid(caption, header, lines)


def protocol_table(scores: dict[str, dict], titles: dict[str, str]) -> Grid:
    """What the protocol alone moves, from the same answers.

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
    ]
    lines = []
    for name, score in scores.items():
        found = score["protocols"]
        report, first, released = found["report"], found["first_run"], found["released"]
        moves = (released - first, released - report)
        lines.append([titles[name], *map(percent, (report, first, released)), *map(_signed, moves)])
    caption = (
        "The same answers under both protocols: five runs and our grader, or the first run under the"
        " released rule. The released temperatures need answers of their own."
    )
    return Grid(caption, header, lines)


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}"


def _frame(verdicts: pd.DataFrame, items: dict[str, Item]) -> pd.DataFrame:
    columns = pd.DataFrame([items[key].columns for key in verdicts["key"]], index=verdicts.index)
    known = verdicts[["key", "cluster", "correct", "share", "points"]].assign(
        extra=[items[key].extra for key in verdicts["key"]]
    )
    return pd.concat([known, columns.drop(columns=known.columns, errors="ignore")], axis=1)
