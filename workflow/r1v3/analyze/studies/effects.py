"""Effects with intervals over items and over seeds.

Every seed answers the same items. An effect is the mean over both. Its variance is the sum of two parts: the
variance over items, by a paired bootstrap, and the variance between seeds. With one seed the interval comes
from the bootstrap alone, so it does not cover the variation between training runs. With several seeds it is
Student's, with the degrees of freedom of Welch and Satterthwaite, because few seeds estimate their own
variance poorly.

Suffixes: S seeds, I items or steps, R resamples.
"""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
import pandas as pd
from scipy import stats

from r1v3.base.bootstrap import cluster_picks, cluster_weights, percentile_interval
from r1v3.evaluate.statistics import contrast, wilson

RESAMPLES = 2000


@dataclass(frozen=True)
class Effect:
    """An estimate with its interval, standard error, number of seeds and number of items.

    `seed_spread` is the standard deviation between seeds; None with one seed.
    """

    estimate: float
    low: float
    high: float
    error: float
    seeds: int
    items: int
    seed_spread: float | None


class NothingToCompareWith(ValueError):
    """An effect relative to a mean that is 0."""

    def __init__(self) -> None:
        super().__init__("what the effect is relative to is 0")


def paired(
    a: list[pd.Series],
    b: list[pd.Series],
    *,
    relative: bool = False,
    seed: int = 0,
    confidence: float = 0.95,
) -> Effect:
    """Compute arm a minus arm b. Each list has one Series a seed; a single Series is paired with every seed.

    Args:
        relative: whether the effect is a share of arm b's mean.

    Raises:
        ValueError: the two were not asked the same items, or have different numbers of seeds.
        NothingToCompareWith: the effect is relative, and arm b's mean is 0.
    """
    a, b = _same_length(a, b)
    for one, other in zip(a, b, strict=True):
        if not one.index.equals(other.index):
            raise ValueError("the two arms were not asked the same items")
    a_SI, b_SI = (np.stack([each.to_numpy(float) for each in side]) for side in (a, b))
    if not relative:
        return mean_effect(a_SI - b_SI, seed=seed, confidence=confidence)
    items = a_SI.shape[1]
    (weight_RI,) = cluster_weights(items, RESAMPLES, np.random.default_rng(seed))
    ratios_R = _ratios(weight_RI @ a_SI.mean(0), weight_RI @ b_SI.mean(0))
    by_seed = _ratios(a_SI.mean(1), b_SI.mean(1))
    return _with_seeds(float(by_seed.mean()), ratios_R, by_seed, items, confidence)


def single(values: list[pd.Series], *, seed: int = 0, confidence: float = 0.95) -> Effect:
    """Compute one arm's mean. If all items are right or all are wrong, the interval is Wilson's, because a
    bootstrap would claim certainty."""
    found = mean_effect(
        np.stack([each.to_numpy() for each in values]), seed=seed, confidence=confidence
    )
    if found.error < 1e-12 and found.estimate in (0.0, 1.0):
        low, high = wilson(found.estimate, found.items, confidence)
        return replace(found, low=low, high=high)
    return found


def mean_effect(value_SI: np.ndarray, *, seed: int = 0, confidence: float = 0.95) -> Effect:
    """Compute the mean over values of S seeds on the same I items."""
    rng = np.random.default_rng(seed)
    items = value_SI.shape[1]
    mean_I = value_SI.mean(0)
    (weight_RI,) = cluster_weights(items, RESAMPLES, rng)
    means_R = (weight_RI / items) @ mean_I
    return _with_seeds(float(mean_I.mean()), means_R, value_SI.mean(1), items, confidence)


def windows(
    late: list[np.ndarray],
    early: list[np.ndarray],
    *,
    relative: bool = False,
    seed: int = 0,
    confidence: float = 0.95,
) -> Effect:
    """Compute the mean of a window of steps minus that of another, with one array for each seed.

    Steps count as independent.

    Args:
        relative: whether the effect is a share of the other window's mean.

    Raises:
        NothingToCompareWith: the effect is relative, and that mean is 0.
    """
    rng = np.random.default_rng(seed)
    compare = _ratios if relative else np.subtract
    means_R = np.zeros(RESAMPLES)
    for one, other in zip(late, early, strict=True):
        means_R += compare(_resampled_means(one, rng), _resampled_means(other, rng))
    by_seed = compare(
        np.array([one.mean() for one in late]), np.array([other.mean() for other in early])
    )
    steps = sum(len(one) for one in late)
    return _with_seeds(float(by_seed.mean()), means_R / len(late), by_seed, steps, confidence)


def of_score(value: float, low: float, high: float, error: float, items: int, bar: float) -> Effect:
    """Compute a score with its interval minus a number that is taken as exact."""
    return Effect(value - bar, low - bar, high - bar, error, 1, items, None)


def share_of_answers(marked: np.ndarray, cluster: np.ndarray, *, seed: int = 0) -> Effect:
    """Compute the share of marked answers. All answers to one item form a cluster.

    At 0 or 1 the interval is Wilson's.
    """
    names, place = np.unique(cluster, return_inverse=True)
    counts_C = np.bincount(place).astype(float)
    marked_C = np.bincount(place, weights=marked.astype(float))
    (weight_RC,) = cluster_weights(len(names), RESAMPLES, np.random.default_rng(seed))
    shares_R = (weight_RC @ marked_C) / (weight_RC @ counts_C)
    share = float(marked.mean())
    low, high = percentile_interval(shares_R, 0.95)
    if share in (0.0, 1.0):
        low, high = wilson(share, len(names), 0.95)
    return Effect(share, low, high, float(np.std(shares_R)), 1, len(names), None)


def between_answers(
    value: np.ndarray,
    marked: np.ndarray,
    cluster: np.ndarray,
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> Effect:
    """Compute the mean of marked answers minus that of the others. All answers to one item are a cluster."""
    found = contrast(value, marked, cluster, resamples=RESAMPLES, confidence=confidence, seed=seed)
    return Effect(found.difference, found.low, found.high, found.error, 1, found.clusters, None)


def spreads(
    a: list[np.ndarray], b: list[np.ndarray], *, seed: int = 0, confidence: float = 0.95
) -> Effect:
    """Compute the relative spread (standard deviation over mean) of one series of steps minus another's."""
    rng = np.random.default_rng(seed)
    spread_R = np.zeros(RESAMPLES)
    for one, other in zip(a, b, strict=True):
        spread_R += _resampled_spreads(one, rng) - _resampled_spreads(other, rng)
    by_seed = [
        relative_spread(one) - relative_spread(other) for one, other in zip(a, b, strict=True)
    ]
    steps = sum(len(one) for one in a)
    return _with_seeds(float(np.mean(by_seed)), spread_R / len(a), by_seed, steps, confidence)


def relative_spread(values: np.ndarray) -> float:
    """Return standard deviation over mean; 0 if the mean is 0."""
    mean = float(np.mean(values))
    return float(np.std(values, ddof=1)) / mean if mean else 0.0


def _with_seeds(
    estimate: float,
    means_R: np.ndarray,
    by_seed: list[float] | np.ndarray,
    items: int,
    confidence: float,
) -> Effect:
    error_items, seeds = float(np.std(means_R)), len(by_seed)
    if seeds == 1:
        low, high = percentile_interval(means_R, confidence)
        return Effect(estimate, low, high, error_items, 1, items, None)
    spread = float(np.std(by_seed, ddof=1))
    between = spread**2 / seeds
    error = sqrt(error_items**2 + between)
    freedom = error**4 / (between**2 / (seeds - 1)) if between else np.inf
    reach = float(stats.t.ppf(1 - (1 - confidence) / 2, freedom)) * error
    return Effect(estimate, estimate - reach, estimate + reach, error, seeds, items, spread)


def _ratios(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return `one` as a share of `other`, minus 1."""
    if np.any(np.abs(other) < 1e-12):
        raise NothingToCompareWith
    return one / other - 1


def _resampled_means(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    (picks,) = cluster_picks(len(values), RESAMPLES, rng)
    return values[picks].mean(1)


def _resampled_spreads(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    (picks,) = cluster_picks(len(values), RESAMPLES, rng)
    drawn = values[picks]
    means = drawn.mean(1)
    return np.divide(drawn.std(1, ddof=1), means, out=np.zeros(RESAMPLES), where=means != 0)


def _same_length(a: list, b: list) -> tuple[list, list]:
    if len(a) != len(b):
        if 1 not in (len(a), len(b)):
            raise ValueError(
                f"one arm has {len(a)} seeds and the other {len(b)}, so they cannot be paired"
            )
        longest = max(len(a), len(b))
        a, b = (side * longest if len(side) == 1 else side for side in (a, b))
    return a, b
