"""The metrics of benchmarks: each is a ratio of sums over clusters of items.

A scorer turns the judged items of one run into `parts`. Each part has, for each cluster, what it got and what
it could get at most. The value of a part is sum(got) / sum(of). The benchmark's score is the mean of the
parts in `headline`. In this form, one bootstrap serves circular groups, question pairs and composites alike
(`r1v3.evaluate.statistics`).

A judged item is a row with `key, cluster, correct, share, points` and the columns that its metric groups by.
`correct` is False if nothing was answered or nobody could judge; such items count as wrong.
"""

from dataclasses import dataclass, field

import pandas as pd

from r1v3.evaluate.items.load import benchmark_code
from r1v3.recipe.tables.benchmarks import Benchmark


@dataclass(frozen=True)
class RunScore:
    """The score of one run: `parts` has for each part a frame of `got` and `of`, indexed by cluster."""

    parts: dict[str, pd.DataFrame]
    headline: tuple[str, ...]
    details: dict[str, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """Return the benchmark's score, in [0, 1]."""
        return sum(part_value(self.parts[name]) for name in self.headline) / len(self.headline)


def part_value(part: pd.DataFrame) -> float:
    """Compute sum(got) / sum(of)."""
    return float(part["got"].sum() / part["of"].sum())


def tally(got: pd.Series, cluster: pd.Series, of: pd.Series | float = 1.0) -> pd.DataFrame:
    """Sum what each cluster got and could get, sorted by cluster."""
    frame = pd.DataFrame({"got": got.astype(float), "of": of, "cluster": cluster})
    return frame.groupby("cluster", sort=True)[["got", "of"]].sum()


def score_run(judged: pd.DataFrame, entry: Benchmark) -> RunScore:
    """Score one run by the benchmark's own metric."""
    if entry.scorer == "code":
        return benchmark_code(entry, "score_items", accuracy)(judged, entry)
    return {"accuracy": accuracy, "circular": circular, "points": points}[entry.scorer](
        judged, entry
    )


def accuracy(judged: pd.DataFrame, entry: Benchmark) -> RunScore:
    """Compute the share of right items, and the share within each group of each column of `by`."""
    return RunScore(
        parts={"accuracy": tally(judged["correct"], judged["cluster"])},
        headline=("accuracy",),
        details=by_group(judged, judged["correct"]),
    )


def circular(judged: pd.DataFrame, entry: Benchmark) -> RunScore:
    """Score MMBench: a question is right only if it is right in every rotation of its options.

    `accuracy` of single rotations is reported as well. The cluster is the question.
    """
    groups = judged.groupby("cluster", sort=True)
    every = groups["correct"].all()
    first = groups.first()
    return RunScore(
        parts={
            "circular": pd.DataFrame({"got": every.astype(float), "of": 1.0}),
            "single": tally(judged["correct"], judged["cluster"]),
        },
        headline=("circular",),
        details=by_group(first.assign(correct=every), every),
    )


def points(judged: pd.DataFrame, entry: Benchmark) -> RunScore:
    """Score an exam by points; items with several letters may earn part of theirs."""
    earned = judged["share"] * judged["points"]
    return RunScore(
        parts={"points": tally(earned, judged["cluster"], judged["points"])},
        headline=("points",),
        details={
            "earned": float(earned.sum()),
            "possible": float(judged["points"].sum()),
            **by_group(judged, earned / judged["points"]),
        },
    )


def by_group(judged: pd.DataFrame, right: pd.Series) -> dict[str, float]:
    """Return the mean within each group of each further column: `subject=History` -> 0.61."""
    known = {"key", "cluster", "correct", "share", "points", "extra"}
    return {
        f"{column}={group}": float(value)
        for column in sorted(set(judged.columns) - known)
        for group, value in right.astype(float).groupby(judged[column], sort=True).mean().items()
        if group != ""
    }
