"""The chance that a claim is settled: what seeds and items can show, before a run and after it.

The model is that of `effects`. An estimate of an effect on I items and S seeds is normal, with the variance
item^2 / I + seed^2 / S. With one seed the judge sees the first part alone. With several the judge estimates
the second part with S - 1 degrees of freedom, and takes Student's t at those of Welch and Satterthwaite. A
chance is the mean over what the judge may estimate, by quantiles of chi-squared, so no run is simulated.

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
TWICE = 2.0  # a claim without a published size is to be seen where the effect is twice the least that counts


@dataclass(frozen=True)
class Spread:
    """What makes an estimate vary, as standard deviations in the unit of the effect.

    `item`: of one item, or one step of a curve. `seed`: between training runs; 0 for a checkpoint.
    `steps`: whether each seed brings steps of its own; all seeds answer the same items.
    """

    item: float
    seed: float
    steps: bool = False


@dataclass(frozen=True)
class Design:
    """How much is asked: items, or steps of a seed, and seeds."""

    items: int
    seeds: int


@dataclass(frozen=True)
class Rule:
    """When a claim is settled (`verdicts.lean`): the effect's direction, and the smallest that counts.

    `no worse` is the rule of a choice of checkpoints: the effect lies above minus `least`.
    """

    direction: Literal["more", "less", "same", "no worse"]
    least: float


@dataclass(frozen=True)
class Chances:
    """The chance that an estimate speaks for a claim, and that it speaks against it."""

    supports: float
    opposes: float


def errors(spread: Spread, design: Design) -> tuple[float, float]:
    """The standard errors of an estimate that come from items and from seeds."""
    counted = design.items * (design.seeds if spread.steps else 1)
    return spread.item / sqrt(counted), spread.seed / sqrt(design.seeds)


def verdict_chances(effect: float, rule: Rule, spread: Spread, design: Design) -> Chances:
    """The chances of both verdicts where the true effect is `effect`."""
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
    """Half the width of the judge's interval, by quantile of the spread that he finds between seeds."""
    tail = 1 - (1 - CONFIDENCE) / 2
    if seeds == 1 or of_seeds == 0:
        return np.array([stats.norm.ppf(tail) * of_items])
    middles_Q = (np.arange(QUANTILES) + 0.5) / QUANTILES
    between_Q = of_seeds**2 * stats.chi2.ppf(middles_Q, seeds - 1) / (seeds - 1)
    found_Q = of_items**2 + between_Q
    return stats.t.ppf(tail, found_Q**2 / (between_Q**2 / (seeds - 1))) * np.sqrt(found_Q)


def settles(rule: Rule, spread: Spread, design: Design, expected: float | None) -> bool:
    """Whether both truths would be found with 80 % power: an effect that is there, and none.

    Args:
        expected: the size in the claimed direction; None takes twice the least that counts.
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
    )  # with no least effect, the opposite is what tells against it
    return chance(sign * size).supports >= POWER and chance(absent).opposes >= POWER


def settled_at(rule: Rule, spread: Spread, design: Design, effect: float) -> bool:
    """Whether one verdict has 80 % power where the true effect is `effect`."""
    found = verdict_chances(effect, rule, spread, design)
    return max(found.supports, found.opposes) >= POWER


def fewest(enough: Callable[[int], bool], start: int, most: int) -> int | None:
    """The smallest count from `start` on that is enough, if each larger one is too; None: `most` is not."""
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
    """Seeds that settle a claim on the items of `design`; None: its items are too few for any number."""
    return fewest(
        lambda seeds: settles(rule, spread, replace(design, seeds=seeds), expected),
        at_least,
        MOST_SEEDS,
    )


def items_needed(rule: Rule, spread: Spread, design: Design, expected: float | None) -> int | None:
    """Items, or steps of a seed, that settle a claim with the seeds of `design`; None: no number does."""
    return fewest(
        lambda items: settles(rule, spread, replace(design, items=items), expected), 2, MOST_ITEMS
    )


def both_needed(
    rule: Rule, spread: Spread, expected: float | None, *, at_least: int
) -> Design | None:
    """Seeds and items that settle a claim together with about the fewest answers; None: none do."""
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
    """The smallest true effect, in its unit, that would exclude 0 with 80 % power.

    For `same` and `no worse`, the smallest margin that would hold.
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
    """The spread that a measured effect shows.

    Args:
        seed: taken for the spread between seeds where one seed was run.
    """
    between = (found.seed_spread or 0.0) ** 2 / found.seeds
    of_items = sqrt(max(found.error**2 - between, 0.0)) * sqrt(found.items)
    return Spread(of_items, seed if found.seed_spread is None else found.seed_spread, steps)


def assumed_seed_spread(unit: str) -> float | None:
    """The spread between seeds that is taken where there is one seed; None where nothing is known.

    Points: two demos of the tiny recipe that differed in the processor alone were 7.0 points apart, and two
    that differed in rounding 4.7, which are spreads of 4.9 and 3.3.
    """
    if unit == "points":
        return 0.04
    if unit.startswith(("share of", "relative spread")):
        return 0.1
    return None if unit == "tokens" else 0.03


def seeds_at(rule: Rule, found: Effect, unit: str, *, steps: bool, training: bool) -> str:
    """How many seeds would settle a claim whose effect is as large as was found, in words."""
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
    """Runs after which a correlation of 0 would be told from `least` with 80 % power, on Fisher's scale.

    Args:
        variance: of one run, that of n runs being `variance / (n - 3)`; 1.06 for ranks of independent points.
    """
    return int(np.ceil(3 + variance * (_reach() / np.arctanh(least)) ** 2)) if least else MOST_ITEMS


def detectable_correlation(runs: int, variance: float) -> float:
    """The smallest correlation that so many runs tell from 0 with 80 % power; 1 for three runs or fewer."""
    return float(np.tanh(_reach() * sqrt(variance / (runs - 3)))) if runs > 3 else 1.0


def _reach() -> float:
    normal = stats.norm
    return float(normal.ppf(1 - (1 - CONFIDENCE) / 2) + normal.ppf(POWER))


def share_items(least: float) -> int:
    """Answers without one mark after which Wilson's interval ends below `least`."""
    z = float(stats.norm.ppf(1 - (1 - CONFIDENCE) / 2))
    return int(z**2 * (1 - least) / least) + 1
