"""Statistics of scores: intervals over clusters of items, paired comparisons, detectable differences.

Suffixes: R resamples, C clusters. A score is the mean of ratios sum(got) / sum(of) over clusters
(`r1v3.evaluate.scorers`). Several runs are averaged cluster by cluster before resampling, so the interval is
over items only. The spread of runs is reported beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist

import numpy as np
import pandas as pd

from r1v3.base.bootstrap import cluster_weights, percentile_interval
from r1v3.evaluate.scorers import RunScore

RESAMPLES_AT_A_TIME = 256
POWER = 0.8  # probability with which a difference of the detectable size is found
Pieces = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Interval:
    """A mean with its bootstrap interval and standard error, all in [0, 1]."""

    mean: float
    low: float
    high: float
    error: float


def mean_parts(runs: list[RunScore]) -> dict[str, pd.DataFrame]:
    """Average each part of the metric over runs, cluster by cluster.

    Raises:
        ValueError: the runs do not have the same clusters.
    """
    first = runs[0]
    mean = {}
    for name in first.parts:
        frames = [run.parts[name] for run in runs]
        if any(not frame.index.equals(frames[0].index) for frame in frames[1:]):
            raise ValueError(f"{name}: the runs do not have the same clusters")
        mean[name] = sum(frame[["got", "of"]] for frame in frames) / len(frames)
    return mean


def interval(runs: list[RunScore], *, resamples: int, confidence: float, seed: int) -> Interval:
    """Compute the mean over runs with a percentile bootstrap interval over clusters.

    If every cluster has the same score, a bootstrap would claim certainty. The interval is then Wilson's for
    that number of clusters, and the error is that of a share with one more success and one more failure.
    """
    pieces = _pieces(mean_parts(runs), runs[0].headline)
    values_R = _resampled(pieces, resamples, np.random.default_rng(seed))
    low, high = percentile_interval(values_R, confidence)
    mean, error = float(np.mean([run.value for run in runs])), float(values_R.std())
    if error < 1e-12:
        clusters = len(pieces[0][0])
        low, high = wilson(mean, clusters, confidence)
        error = share_error(mean, clusters)
    return Interval(mean, low, high, error)


def share_error(share: float, count: int) -> float:
    """Return the standard error of a share of `count`, as if one more had succeeded and one more failed."""
    widened = (share * count + 1) / (count + 2)
    return sqrt(widened * (1 - widened) / count)


def wilson(share: float, count: int, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval of a share of `count`."""
    from statsmodels.stats.proportion import proportion_confint  # half a second, so not at the top

    ends = proportion_confint(share * count, count, alpha=1 - confidence, method="wilson")
    low, high = np.asarray(ends, dtype=float).tolist()
    return (0.0 if share == 0 else low), (1.0 if share == 1 else high)


def spread_of_runs(runs: list[RunScore]) -> float | None:
    """Return the standard deviation between runs (n - 1), or None for a single run."""
    return float(np.std([run.value for run in runs], ddof=1)) if len(runs) > 1 else None


def _pieces(parts: dict[str, pd.DataFrame], headline: Iterable[str]) -> Pieces:
    """Return the headline's parts over their common clusters, as arrays (got_C, of_C)."""
    clusters = sorted(set().union(*(parts[name].index for name in headline)))
    frames = [parts[name].reindex(clusters, fill_value=0.0) for name in headline]
    return [(f["got"].to_numpy(float), f["of"].to_numpy(float)) for f in frames]


def _resampled(pieces: Pieces, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Compute the score of each resample of the clusters, drawn with replacement."""
    clusters = len(pieces[0][0])
    values = []
    for weight_RC in cluster_weights(clusters, resamples, rng, at_a_time=RESAMPLES_AT_A_TIME):
        ratios = [(weight_RC @ got_C) / (weight_RC @ of_C) for got_C, of_C in pieces]
        values.append(np.mean(ratios, axis=0))
    return np.concatenate(values)


# --- two models on the same items -----------------------------------------------------------------


@dataclass(frozen=True)
class PairedComparison:
    """The score of model a minus that of model b on the same items; `p` is two-sided, by permutation.

    `error` is the standard error of the paired difference. What is hard or easy for both does not enter it.
    """

    difference: float
    low: float
    high: float
    p: float
    clusters: int
    error: float


def compare_paired(
    a: list[RunScore], b: list[RunScore], *, resamples: int, confidence: float, seed: int
) -> PairedComparison:
    """Compare two models paired over items, each item at the mean of its runs.

    The interval is a bootstrap over the clusters of both. For p, the two models are swapped at random within
    clusters. The observed arrangement is counted too, so p is never 0.

    Raises:
        ValueError: the two were not asked the same questions.
    """
    pieces_a = _pieces(mean_parts(a), a[0].headline)
    pieces_b = _pieces(mean_parts(b), b[0].headline)
    if a[0].headline != b[0].headline or any(
        len(x[1]) != len(y[1]) for x, y in zip(pieces_a, pieces_b, strict=True)
    ):
        raise ValueError("the two models were not asked the same questions")
    rng = np.random.default_rng(seed)
    clusters = len(pieces_a[0][0])
    bootstrap, permuted = [], []
    for weight_RC in cluster_weights(clusters, resamples, rng, at_a_time=RESAMPLES_AT_A_TIME):
        swap_RC = rng.random(weight_RC.shape) < 0.5
        bootstrap.append(_difference(pieces_a, pieces_b, weight_RC))
        permuted.append(_swapped(pieces_a, pieces_b, swap_RC))
    observed = float(_difference(pieces_a, pieces_b, np.ones((1, clusters)))[0])
    found_R, permuted_R = np.concatenate(bootstrap), np.concatenate(permuted)
    low, high = percentile_interval(found_R, confidence)
    extreme = (np.abs(permuted_R) >= abs(observed) - 1e-12).sum()
    p = float((1 + extreme) / (1 + resamples))
    return PairedComparison(observed, low, high, p, clusters, _error(found_R, permuted_R))


def _error(found_R: np.ndarray, permuted_R: np.ndarray) -> float:
    """Return the bootstrap's standard error of a difference, or the permutation's if all pairs are equal.

    If one model is right and the other wrong on every item, a bootstrap would claim certainty.
    """
    error = float(found_R.std())
    return error if error > 1e-12 else float(permuted_R.std())


def has_contrast(marked: np.ndarray, cluster: np.ndarray) -> bool:
    """Return whether both sides have answers from at least two clusters."""
    return all(len(set(cluster[side])) > 1 for side in (marked, ~marked))


def contrast(
    value: np.ndarray,
    marked: np.ndarray,
    cluster: np.ndarray,
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> PairedComparison:
    """Compute the mean of the marked answers minus that of the others, resampling whole clusters.

    All answers of a cluster are drawn together, so five runs of an item are one item, even if some are marked
    and others are not. p is that of the bootstrap: twice the smaller share of resamples on one side of 0.

    Args:
        value: value of each answer, unitless.
        marked: whether each answer is on the first side.
        cluster: cluster of each answer; a cluster is resampled as one.

    Raises:
        ValueError: a side has answers from fewer than two clusters, so its variance is unknown.
    """
    if not has_contrast(marked, cluster):
        raise ValueError("a contrast needs answers of two items or more on both sides")
    names, place = np.unique(cluster, return_inverse=True)
    sides = []
    for side in (marked, ~marked):
        got_C = np.bincount(place[side], weights=value[side], minlength=len(names))
        sides.append((got_C, np.bincount(place[side], minlength=len(names)).astype(float)))
    values = []
    rng = np.random.default_rng(seed)
    for weight_RC in cluster_weights(len(names), resamples, rng, at_a_time=RESAMPLES_AT_A_TIME):
        counts = [weight_RC @ of_C for _, of_C in sides]
        drawn = (counts[0] > 0) & (
            counts[1] > 0
        )  # a resample without answers on one side is dropped
        means = [(weight_RC @ got_C)[drawn] / n[drawn] for (got_C, _), n in zip(sides, counts)]
        values.append(means[0] - means[1])
    found_R = np.concatenate(values)
    observed = float(value[marked].mean() - value[~marked].mean())
    low, high = percentile_interval(found_R, confidence)
    beyond = min((found_R <= 0).sum(), (found_R >= 0).sum())
    p = min(1.0, 2 * float(1 + beyond) / (1 + len(found_R)))
    return PairedComparison(observed, low, high, p, len(names), float(found_R.std()))


def _difference(pieces_a: Pieces, pieces_b: Pieces, weight_RC: np.ndarray) -> np.ndarray:
    return np.mean(
        [
            (weight_RC @ ga) / (weight_RC @ oa) - (weight_RC @ gb) / (weight_RC @ ob)
            for (ga, oa), (gb, ob) in zip(pieces_a, pieces_b, strict=True)
        ],
        axis=0,
    )


def _swapped(pieces_a: Pieces, pieces_b: Pieces, swap_RC: np.ndarray) -> np.ndarray:
    total = np.zeros(len(swap_RC))
    for (ga, oa), (gb, ob) in zip(pieces_a, pieces_b, strict=True):
        swap = swap_RC.astype(float)
        ratio_a = (ga.sum() + swap @ (gb - ga)) / (oa.sum() + swap @ (ob - oa))
        ratio_b = (gb.sum() + swap @ (ga - gb)) / (ob.sum() + swap @ (oa - ob))
        total = total + ratio_a - ratio_b
    return total / len(pieces_a)


def holm(p_values: list[float]) -> list[float]:
    """Apply Holm's correction for the number of comparisons, in the given order."""
    from statsmodels.stats.multitest import multipletests  # half a second, so not at the top

    return np.asarray(multipletests(p_values, method="holm")[1]).tolist() if p_values else []


def smallest_effect(error: float, *, confidence: float, power: float = POWER) -> float:
    """Return the smallest true effect that an estimate with this standard error would detect."""
    normal = NormalDist()
    return (normal.inv_cdf(1 - (1 - confidence) / 2) + normal.inv_cdf(power)) * error


def detectable_difference(
    error: float, *, correlation: float, confidence: float, power: float = POWER
) -> float:
    """Return the smallest true difference that two models' scores would detect.

    Args:
        error: standard error of one model's score, in [0, 1].
        correlation: correlation of the two models' scores over items; 0 for different items.
        confidence: confidence of the two-sided test; `power` is the probability to detect such a difference.
    """
    paired = error * sqrt(2 * (1 - correlation))
    return smallest_effect(paired, confidence=confidence, power=power)


# --- several answers to one question --------------------------------------------------------------


def pass_at_k(correct: int, samples: int, k: int) -> float:
    """Return the probability that k of the samples, drawn without replacement, contain a right one."""
    if not 1 <= k <= samples:
        raise ValueError(f"k must be from 1 to the {samples} samples, not {k}")
    return 1.0 - comb(samples - correct, k) / comb(samples, k)


def majority_is_right(answers: list[str | None], right: list[bool]) -> float:
    """Return whether the commonest answer is right; for a tie, the share of the tied answers that are.

    A missing answer (None) does not vote. Without any answer, the majority is wrong.
    """
    return vote(answers, right).right


@dataclass(frozen=True)
class Vote:
    """The number of votes for an item's commonest answer, and the share of these (if tied) that is right."""

    votes: int
    right: float


def vote(answers: list[str | None], right: list[bool]) -> Vote:
    """Return the commonest answer of an item; a missing answer (None) does not vote."""
    votes: dict[str, list[bool]] = {}
    for answer, is_right in zip(answers, right, strict=True):
        if answer is not None:
            votes.setdefault(answer.strip().lower(), []).append(is_right)
    if not votes:
        return Vote(0, 0.0)
    most = max(map(len, votes.values()))
    tied = [given[0] for given in votes.values() if len(given) == most]
    return Vote(most, sum(tied) / len(tied))


def calibration_error(items: list[Vote], runs: int) -> float:
    """Compute the expected calibration error: |confidence - accuracy| by level of agreement.

    Levels are weighted by their number of items.

    Args:
        items: the vote of each item over its runs; its confidence is votes / runs.
    """
    error = 0.0
    for votes in range(runs + 1):
        level = [item.right for item in items if item.votes == votes]
        error += abs(votes / runs * len(level) - sum(level))
    return error / len(items)
