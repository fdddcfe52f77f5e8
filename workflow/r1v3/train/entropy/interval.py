"""Means with bootstrap intervals over prompts, because the samples of a prompt are not independent."""

from typing import TypedDict

import numpy as np


class Interval(TypedDict):
    """A mean with its percentile interval, None where there is no value; `count` values went in."""

    mean: float | None
    low: float | None
    high: float | None
    count: int


def clustered_mean(
    clusters: list[list[float]], *, resamples: int, seed: int, confidence: float = 0.95
) -> Interval:
    """Mean of all values and its percentile interval, resampling whole clusters.

    Args:
        clusters: the values of each prompt; a prompt may have none.
        resamples: of the bootstrap.
        confidence: share of the resampled means inside the interval.
    """
    sums = np.array([sum(values) for values in clusters], dtype=float)
    counts = np.array([len(values) for values in clusters], dtype=float)
    if not counts.sum():
        return {"mean": None, "low": None, "high": None, "count": 0}
    picks = np.random.default_rng(seed).integers(0, len(clusters), (resamples, len(clusters)))
    totals = counts[picks].sum(1)
    means = sums[picks].sum(1)[totals > 0] / totals[totals > 0]
    tail = (1 - confidence) / 2
    return {
        "mean": float(sums.sum() / counts.sum()),
        "low": float(np.quantile(means, tail)),
        "high": float(np.quantile(means, 1 - tail)),
        "count": int(counts.sum()),
    }
