"""The power of a claim's test: how likely given numbers of seeds and items are to settle the claim.

The model is that of `effects`. An estimate of an effect on I items and S seeds is normal, with the variance
item^2 / I + seed^2 / S. With one seed, the test knows only the first part. With several seeds, it estimates
the second part with S - 1 degrees of freedom, and uses Student's t with the degrees of freedom of Welch and
Satterthwaite. The power is the mean over the possible estimates, by quantiles of chi-squared, so nothing is
simulated.

Suffix Q: quantiles of the estimated variance between seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

import numpy as np
from scipy import stats

from r1v3.analyze.studies.effects import Effect
from r1v3.evaluate.statistics import POWER

CONFIDENCE = 0.95
QUANTILES = 100
MOST_SEEDS, MOST_ITEMS = 1000, 10**8
TWICE = (
    2.0  # a claim without a published size must be detectable at twice the least effect that counts
)


@dataclass(frozen=True)
class Spread:
    """The standard deviations of what makes an estimate vary, in the unit of the effect.

    `item` is that of one item, or of one step of a curve. `seed` is that between training runs; 0 for a
    checkpoint. `steps` says whether each seed has steps of its own; otherwise all seeds share the items.
    """

    item: float
    seed: float
    steps: bool = False


@dataclass(frozen=True)
class Design:
    """The size of an experiment: number of items (or of steps a seed), and number of seeds."""

    items: int
    seeds: int


@dataclass(frozen=True)
class Rule:
    """The condition that settles a claim (`verdicts.lean`): the direction, and the least effect that counts.

    `no worse` is for a choice of checkpoints: the effect must be above minus `least`.
    """

    direction: Literal["more", "less", "same", "no worse"]
    least: float


@dataclass(frozen=True)
class Chances:
    """The probability that an estimate speaks for a claim, and that it speaks against the claim."""

    supports: float
    opposes: float


def errors(spread: Spread, design: Design) -> tuple[float, float]:
    """Return the standard errors of an estimate that come from items and from seeds."""
    counted = design.items * (design.seeds if spread.steps else 1)
    return spread.item / sqrt(counted), spread.seed / sqrt(design.seeds)


def verdict_chances(effect: float, rule: Rule, spread: Spread, design: Design) -> Chances:
    """Return the probabilities of both verdicts if the true effect is `effect`."""
    of_items, of_seeds = errors(spread, design)
    error = max(sqrt(of_items**2 + of_seeds**2), 1e-12)
    reach_Q = _reaches(of_items, of_seeds, design.seeds)
    if rule.direction == "less":
        effect = -effect

    def above(border: float | np.ndarray) -> float:
        return float(np.mean(stats.norm.sf((border - effect) / error)))

    def below(border: float | np.ndarray) -> float:
        return float(np.mean(stats.norm.cdf((border - effect) / error)))

    least = rule.least
    if rule.direction == "same":
        low, high = reach_Q - least, least - reach_Q
        inside = stats.norm.cdf((high - effect) / error) - stats.norm.cdf((low - effect) / error)
        return Chances(
            float(np.mean(np.maximum(inside, 0.0))),
            above(least + reach_Q) + below(-least - reach_Q),
        )
    if rule.direction == "no worse":
        return Chances(above(reach_Q - least), below(-least - reach_Q))
    return Chances(above(np.maximum(least, reach_Q)), below(least - reach_Q))


def _reaches(of_items: float, of_seeds: float, seeds: int) -> np.ndarray:
    """Return half the width of the test's interval, by quantile of the estimated spread between seeds."""
    tail = 1 - (1 - CONFIDENCE) / 2
    if seeds == 1 or of_seeds == 0:
        return np.array([stats.norm.ppf(tail) * of_items])
    middles_Q = (np.arange(QUANTILES) + 0.5) / QUANTILES
    between_Q = of_seeds**2 * stats.chi2.ppf(middles_Q, seeds - 1) / (seeds - 1)
    found_Q = of_items**2 + between_Q
    return stats.t.ppf(tail, found_Q**2 / (between_Q**2 / (seeds - 1))) * np.sqrt(found_Q)


def settles(rule: Rule, spread: Spread, design: Design, expected: float | None) -> bool:
    """Return whether 80 % power is reached both if the effect exists and if it does not.

    Args:
        expected: size of the effect in the claimed direction; None for twice the least that counts.
    """

    def chance(effect: float) -> Chances:
        return verdict_chances(effect, rule, spread, design)

    size = TWICE * rule.least if expected is None else abs(expected)
    if rule.direction == "same":
        return chance(0.0).supports >= POWER and chance(size).opposes >= POWER
    if rule.direction == "no worse":
        return chance(0.0).supports >= POWER and chance(-size).opposes >= POWER
    sign = -1 if rule.direction == "less" else 1
    absent = (
        0.0 if rule.least else -sign * size
    )  # without a least effect, only the opposite effect speaks against the claim
    return chance(sign * size).supports >= POWER and chance(absent).opposes >= POWER


def settled_at(rule: Rule, spread: Spread, design: Design, effect: float) -> bool:
    """Return whether one verdict has 80 % power if the true effect is `effect`."""
    found = verdict_chances(effect, rule, spread, design)
    return max(found.supports, found.opposes) >= POWER


def fewest(enough: Callable[[int], bool], start: int, most: int) -> int | None:
    """Return the least sufficient count from `start` to `most`, or None. Sufficiency must be monotone."""
    if enough(start):
        return start
    low, high = start, start
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def seeds_needed(
    rule: Rule, spread: Spread, design: Design, expected: float | None, *, at_least: int
) -> int | None:
    """Return the seeds that settle a claim on the items of `design`; None if no number of seeds does."""
    return fewest(
        lambda seeds: settles(rule, spread, replace(design, seeds=seeds), expected),
        at_least,
        MOST_SEEDS,
    )


def items_needed(rule: Rule, spread: Spread, design: Design, expected: float | None) -> int | None:
    """Return the items (or steps a seed) that settle a claim with the seeds of `design`, or None."""
    return fewest(
        lambda items: settles(rule, spread, replace(design, items=items), expected), 2, MOST_ITEMS
    )


def both_needed(
    rule: Rule, spread: Spread, expected: float | None, *, at_least: int
) -> Design | None:
    """Return seeds and items that settle a claim with about the fewest answers; None if none do."""
    fewest_seeds = seeds_needed(
        rule, spread, Design(MOST_ITEMS, at_least), expected, at_least=at_least
    )
    if fewest_seeds is None:
        return None
    tried = sorted({round(fewest_seeds * factor) for factor in np.geomspace(1, 4, 6)})
    found = [
        Design(items, seeds)
        for seeds in tried
        if (items := items_needed(rule, spread, Design(2, seeds), expected)) is not None
    ]
    return min(found, key=lambda each: each.items * each.seeds, default=None)


def detectable(rule: Rule, spread: Spread, design: Design) -> float:
    """Return the smallest true effect, in its unit, whose interval would exclude 0 with 80 % power.

    For `same` and `no worse` it is the smallest margin that would hold.
    """

    def enough(size: float) -> bool:
        if rule.direction in ("same", "no worse"):
            return verdict_chances(0.0, replace(rule, least=size), spread, design).supports >= POWER
        return verdict_chances(size, Rule("more", 0.0), spread, design).supports >= POWER

    high = max(sum(errors(spread, design)), 1e-9)
    while not enough(high):
        high *= 2
    low = 0.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def spread_of(found: Effect, *, steps: bool, seed: float) -> Spread:
    """Return the spread that a measured effect shows.

    Args:
        seed: the assumed spread between seeds, used if only one seed was run.
    """
    between = (found.seed_spread or 0.0) ** 2 / found.seeds
    of_items = sqrt(max(found.error**2 - between, 0.0)) * sqrt(found.items)
    return Spread(of_items, seed if found.seed_spread is None else found.seed_spread, steps)


def assumed_seed_spread(unit: str) -> float | None:
    """Return the assumed spread between seeds for a single seed; None if nothing is known.

    For points: two demos of the tiny recipe on different processors differed by 7.0 points, and two with
    different rounding by 4.7. These are standard deviations of 4.9 and 3.3.
    """
    if unit == "points":
        return 0.04
    if unit.startswith(("share of", "relative spread")):
        return 0.1
    return None if unit == "tokens" else 0.03


def seeds_at(rule: Rule, found: Effect, unit: str, *, steps: bool, training: bool) -> str:
    """Say how many seeds would settle a claim if the true effect equals the measured one."""
    assumed = assumed_seed_spread(unit) if training else 0.0
    if found.seed_spread is None and assumed is None:
        return "unknown, since nothing is known of the spread between seeds"
    spread = spread_of(found, steps=steps, seed=assumed or 0.0)
    items = max(2, found.items // found.seeds if steps else found.items)
    count = fewest(
        lambda seeds: settled_at(rule, spread, Design(items, seeds), found.estimate),
        max(found.seeds, 3 if training else 1),
        MOST_SEEDS,
    )
    if found.seed_spread is None and training:
        shown = f"{100 * spread.seed:g} points" if unit == "points" else f"{spread.seed:g}"
        taken = f", at an assumed spread of {shown} between seeds"
    else:
        taken = ""
    if count is None:
        return f"no number up to {MOST_SEEDS:,}: an effect of this size lies too near the border{taken}"
    return f"{count}{taken}"


# --- correlations -----------------------------------------------------------------------------------


def runs_for_correlation(least: float, variance: float) -> int:
    """Return the runs needed to tell a correlation of 0 from `least` with 80 % power, on Fisher's scale.

    Args:
        variance: variance of one run; n runs have `variance / (n - 3)`. It is 1.06 for ranks of independent
            points.
    """
    return int(np.ceil(3 + variance * (_reach() / np.arctanh(least)) ** 2)) if least else MOST_ITEMS


def detectable_correlation(runs: int, variance: float) -> float:
    """Return the smallest correlation that so many runs tell from 0 with 80 % power; 1 up to three runs."""
    return float(np.tanh(_reach() * sqrt(variance / (runs - 3)))) if runs > 3 else 1.0


def _reach() -> float:
    normal = stats.norm
    return float(normal.ppf(1 - (1 - CONFIDENCE) / 2) + normal.ppf(POWER))


def share_items(least: float) -> int:
    """Return how many answers, none of them marked, put the upper end of Wilson's interval below `least`."""
    z = float(stats.norm.ppf(1 - (1 - CONFIDENCE) / 2))
    return int(z**2 * (1 - least) / least) + 1
