"""The clustered bootstrap. It draws whole clusters, because the values of a cluster are not independent.

A cluster is a prompt with all its samples, an item with all its runs, or a run with all its checkpoints. The
draws come in parts, so that the statistic of many resamples fits into memory.

Suffixes: R resamples, C clusters.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def cluster_picks(
    clusters: int, resamples: int, rng: np.random.Generator, *, at_a_time: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Yield draws as indices of clusters: `pick_RC` has C indices for each resample.

    Args:
        at_a_time: number of resamples in a part; None for all at once.
    """
    for size in _pieces(resamples, at_a_time):
        yield rng.integers(0, clusters, (size, clusters))


def cluster_weights(
    clusters: int, resamples: int, rng: np.random.Generator, *, at_a_time: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Yield draws as counts: `weight_RC` says how often a resample contains each cluster.

    Args:
        at_a_time: number of resamples in a part; None for all at once.
    """
    equal_C = np.full(clusters, 1 / clusters)
    for size in _pieces(resamples, at_a_time):
        yield rng.multinomial(clusters, equal_C, size=size)


def percentile_interval(value_R: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """Return the bounds of the central share `confidence` of the resampled values, with equal tails."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(value_R, [tail, 1 - tail])
    return float(low), float(high)


def _pieces(resamples: int, at_a_time: int | None) -> Iterator[int]:
    step = at_a_time or resamples
    for start in range(0, resamples, step):
        yield min(step, resamples - start)
