"""A verdict on every claim, by rules fixed before the runs (config/claims.yaml).

reproduced      the whole interval lies on the claimed side, and the effect is at least `least`
contradicted    the whole interval misses what the claim needs, or the report's own tables say otherwise
by construction the data agree, and the tiny world was bound to
inconclusive    neither; says how many items or seeds would settle it. A claim about training needs three
                seeds. A correlation also needs p below 0.05 in the permutation test within runs
not testable    with the reason
"""

from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from r1v3.analyze.studies import checkpoints
from r1v3.analyze.studies.effects import Effect, paired, spreads, windows
from r1v3.analyze.studies.evidence import Evidence
from r1v3.evaluate.pages.hallucination import find_phrase
from r1v3.recipe.schema.studies import Claim, Correlation

SEEDS_NEEDED = 3
# p-value of the permutation test within runs. A correlation that comes from
# differences between runs alone does not pass it.
P_NEEDED = 0.05
POWER = 1.96 + 0.84  # two-sided 5 %, power 80 %
LEAST_STEPS = 5
COUNTED = {"change": "steps", "curve": "steps", "regret": "arms"}  # what an effect's items are
REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
BY_CONSTRUCTION, INCONCLUSIVE, NOT_TESTABLE = "by construction", "inconclusive", "not testable here"


@dataclass(frozen=True)
class Verdict:
    """What came of a claim. `leans`: which way an inconclusive one points; `needs`: what would settle it."""

    claim: str
    verdict: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    items: int | None = None
    seeds: int | None = None
    leans: str | None = None
    needs: str = ""
    why: str = ""


def judge_claim(name: str, claim: Claim, evidence: Evidence | None) -> Verdict:
    """The verdict on one claim; `evidence` is that of its study."""
    if claim.kind == "untestable":
        return Verdict(name, NOT_TESTABLE, why=claim.why)
    if claim.kind == "arithmetic":
        verdict = NOT_TESTABLE if claim.holds else CONTRADICTED
        said = "its own tables agree" if claim.holds else "by its own tables"
        return Verdict(name, verdict, why=f"{said}: {claim.check}")
    if evidence.documents.recipe.evaluation.source != "miniature":  # only the drawn world was built
        claim = claim.model_copy(update={"by_construction": None})
    if claim.kind == "audit":
        return _audit(name, claim, evidence)
    if claim.kind == "correlation":
        return _correlation(name, claim, evidence)
    return settle(name, claim, measured(claim, evidence), unit_of(claim))


def measured(claim: Claim, evidence: Evidence) -> Effect:
    """The effect that a claim speaks of, in its measure's own unit."""
    if claim.kind == "difference":
        a, b = (
            [evidence.items(arm, claim.measure, seed) for seed in evidence.seeds_of(arm)]
            for arm in (claim.a, claim.b)
        )
        return paired(a, b)
    if claim.kind == "change":
        curves = [evidence.curve(claim.arm, s, claim.metric) for s in evidence.seeds_of(claim.arm)]
        return windows([_last(c) for c in curves], [_first(c) for c in curves])
    if claim.kind == "regret":
        table = checkpoints.checkpoint_table(evidence)
        return checkpoints.regret(table, claim.measure, claim.against)
    a, b = _common_curves(claim, evidence)
    if claim.of == "spread":
        return spreads(a, b)
    part = _last if claim.of == "end" else np.asarray
    return windows([part(c) for c in a], [part(c) for c in b])


def settle(
    name: str, claim: Claim, found: Effect, unit: str, direction: str | None = None
) -> Verdict:
    """Compare an effect's interval with what the claim needs; `direction` where it names none itself."""
    direction = direction or getattr(claim, "direction", "same")
    if claim.kind == "regret":  # no worse than by `least`
        leans = (
            "for" if found.low > -claim.least else "against" if found.high < -claim.least else None
        )
    else:
        leans = lean(direction, claim.least, found)
    known = Verdict(
        name, INCONCLUSIVE, found.estimate, found.low, found.high, unit, found.items, found.seeds
    )
    known = replace(known, leans=leans)
    unsettled = "" if leans else needed(direction, claim.least, found, claim.kind)
    if claim.training and found.seeds < SEEDS_NEEDED:
        both = filter(None, [_more_seeds(found.seeds), unsettled])
        return replace(known, needs="; and ".join(both))
    if leans == "against":
        return replace(known, verdict=CONTRADICTED)
    if leans == "for":
        constructed = claim.by_construction is not None
        why = claim.by_construction or ""
        return replace(known, verdict=BY_CONSTRUCTION if constructed else REPRODUCED, why=why)
    return replace(known, needs=unsettled)


def lean(direction: str, least: float, found: Effect) -> str | None:
    """`for`, `against`, or None where the interval allows both."""
    if direction == "same":
        if -least < found.low and found.high < least:
            return "for"
        return "against" if found.low >= least or found.high <= -least else None
    low, high, estimate = found.low, found.high, found.estimate
    if direction == "less":
        low, high, estimate = -found.high, -found.low, -found.estimate
    if low > 0 and estimate >= least:
        return "for"
    return "against" if high < least else None


def needed(direction: str, least: float, found: Effect, kind: str = "difference") -> str:
    """How many items (steps of a curve, arms of a regret), or seeds, would show an effect of the size that
    counts, with 80 % power; where what there is would show it, how many tell the effect from that size."""
    estimate = -found.estimate if direction == "less" else found.estimate
    border = -least if kind == "regret" else least
    size = abs(estimate) if direction == "same" and kind != "regret" else estimate
    distance = abs(border - size)
    target = max(least, abs(estimate)) if direction != "same" else distance
    if found.seed_spread and target > 1e-9:
        seeds = ceil((POWER * found.seed_spread / target) ** 2)
        if seeds > found.seeds:
            return f"{seeds} seeds"
    for each in (target, distance):
        if each < 1e-9:
            break
        counted = ceil(round(found.items * (POWER * found.error / each) ** 2, 6))
        if counted > found.items:
            return f"{counted:,} {COUNTED.get(kind, 'items')}"
    return "more of both; the estimate lies on the border"


def unit_of(claim: Claim) -> str:
    """How a claim's effect is written: points for shares of right answers, tokens, or the metric's name."""
    if claim.kind in ("difference", "regret"):
        return "tokens" if claim.measure.startswith("tokens:") else "points"
    if claim.kind == "curve" and claim.of == "spread":
        return f"relative spread of {claim.metric}"
    return claim.metric


def _correlation(name: str, claim: Claim, evidence: Evidence) -> Verdict:
    table = checkpoints.checkpoint_table(evidence)
    found = checkpoints.correlation(
        table, "critical words/mean", claim.measure, kind="spearman", detrended=claim.detrended
    )
    if found.value is None or found.low is None:
        return Verdict(
            name, NOT_TESTABLE, why="too few checkpoints with critical tokens, or no spread"
        )
    seeds = max(table["seed"])
    known = Verdict(
        name,
        INCONCLUSIVE,
        found.value,
        found.low,
        found.high,
        "Spearman's rho",
        found.points,
        seeds,
    )
    as_effect = Effect(found.value, found.low, found.high, 0.0, seeds, found.points, None)
    leans = lean(claim.direction, claim.least, as_effect)
    if leans == "for" and found.p >= P_NEEDED:
        leans = None
    known = replace(known, leans=leans, why=f"p = {found.p:.3f} by permutation within runs")
    runs = "" if leans else _runs_needed(claim, found)
    if claim.training and seeds < SEEDS_NEEDED:
        return replace(known, needs="; and ".join(filter(None, [_more_seeds(seeds), runs])))
    if leans:
        return replace(known, verdict=REPRODUCED if leans == "for" else CONTRADICTED)
    return replace(known, needs=runs)


def _runs_needed(claim: Correlation, found: checkpoints.Correlation) -> str:
    """Runs for both tests at 80 % power: the interval, on Fisher's scale, and the permutation within runs."""
    sign = 1 if claim.direction == "more" else -1
    if found.beyond is None or sign * found.beyond <= 0:
        return "another measure, since within runs these do not go together"
    clipped = np.clip([found.low, found.high, found.value], -0.999, 0.999)
    low, high, value = np.arctanh(clipped)
    target = max(float(np.arctanh(claim.least)), abs(float(value)))
    factors = [(POWER * (high - low) / 3.92 / target) ** 2, (POWER / found.beyond) ** 2]
    return f"{max(found.runs + 1, ceil(found.runs * max(factors))):,} runs"


def _audit(name: str, claim: Claim, evidence: Evidence) -> Verdict:
    arm, measure = next(iter(evidence.study.arms)), evidence.study.measures[0]
    verdicts = evidence.verdicts(arm, measure, 1)
    says = verdicts["response"].map(lambda text: find_phrase(text) is not None)
    if not says.any() or says.all():
        counted = f"{int(says.sum())} of {len(says):,} answers say it"
        return Verdict(
            name, NOT_TESTABLE, why=f"{counted}: no chain that the tiny models learned from does"
        )
    right = verdicts["correct"].astype(float).to_numpy()
    found = windows([right[says]], [right[~says]])
    return settle(name, claim, found, "points", "less")


def _common_curves(claim, evidence: Evidence) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Both arms' metric at the steps that both have."""
    sides = []
    for arm in (claim.a, claim.b):
        sides.append([evidence.curve(arm, seed, claim.metric) for seed in evidence.seeds_of(arm)])
    common = set.intersection(*(set(c.index) for side in sides for c in side))
    return tuple([c[sorted(common)].to_numpy(float) for c in side] for side in sides)


def _tenth(values) -> int:
    return max(LEAST_STEPS, len(values) // 10)


def _first(values) -> np.ndarray:
    return np.asarray(values, float)[: _tenth(values)]


def _last(values) -> np.ndarray:
    return np.asarray(values, float)[-_tenth(values) :]


def _more_seeds(seeds: int) -> str:
    return f"{SEEDS_NEEDED} seeds; there {'is 1' if seeds == 1 else f'are {seeds}'}"
