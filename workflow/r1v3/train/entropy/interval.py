"""Means with bootstrap intervals over prompts. The samples of a prompt are not independent."""

from typing import TypedDict

import numpy as np

from r1v3.base.bootstrap import cluster_picks, percentile_interval


class MeanInterval(TypedDict):
    """A mean of `count` values with its percentile interval; None without values."""

    mean: float | None
    low: float | None
    high: float | None
    count: int


def clustered_mean(
    clusters: list[list[float]], *, resamples: int, seed: int, confidence: float = 0.95
) -> MeanInterval:
    """Compute the mean of all values and its percentile interval. The bootstrap resamples whole clusters.

    Args:
        clusters: the values of each prompt; a prompt may have none.
        resamples: number of bootstrap resamples.
        confidence: share of the resampled means inside the interval.
    """
    sums = np.array([sum(values) for values in clusters], dtype=float)
    counts = np.array([len(values) for values in clusters], dtype=float)
    if not counts.sum():
        return {"mean": None, "low": None, "high": None, "count": 0}
    (picks,) = cluster_picks(len(clusters), resamples, np.random.default_rng(seed))
    totals = counts[picks].sum(1)
    means = sums[picks].sum(1)[totals > 0] / totals[totals > 0]
    low, high = percentile_interval(means, confidence)
    return {
        "mean": float(sums.sum() / counts.sum()),
        "low": low,
        "high": high,
        "count": int(counts.sum()),
    }
