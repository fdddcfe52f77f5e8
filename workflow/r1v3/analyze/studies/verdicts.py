"""Judges every claim by rules that were fixed before the runs (config/claims.yaml).

reproduced      the whole interval is on the claimed side, and the effect is at least `least`
contradicted    no value in the interval satisfies the claim, or the report's own tables contradict it
by construction the data agree, but the tiny world could not have shown anything else
inconclusive    none of these; the verdict says how many items or seeds would settle the claim. A claim about
                training needs three seeds. A correlation also needs p below 0.05 in the permutation test
                within runs
not testable    it cannot be tested here; the verdict says why
"""

from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

import numpy as np
import pandas as pd

from r1v3.analyze.studies import checkpoints
from r1v3.analyze.studies.effects import (
    Effect,
    NothingToCompareWith,
    between_answers,
    of_score,
    paired,
    share_of_answers,
    spreads,
    windows,
)
from r1v3.analyze.studies.evidence import Evidence, NotMeasured, column
from r1v3.analyze.studies.power import Rule, seeds_at
from r1v3.evaluate.pages.hallucination import find_phrase, split_reply
from r1v3.evaluate.statistics import has_contrast
from r1v3.recipe.schema.report_numbers import expression_value, settle_sum
from r1v3.recipe.schema.studies import (
    Arithmetic,
    AuditClaim,
    Claim,
    CorrelationClaim,
    CurveChange,
    CurveDifference,
    Difference,
    Regret,
    Score,
    Untestable,
)

# Claims that one measured effect settles.
MeasuredClaim = Difference | CurveChange | CurveDifference | Regret
SettledClaim = MeasuredClaim | AuditClaim | Score
Direction = Literal["more", "less", "same"]
Values = np.ndarray | pd.Series

SEEDS_NEEDED = 3
# Limit of the p-value of the permutation test within runs. A correlation that comes
# only from differences between runs does not pass it.
P_NEEDED = 0.05
# Number of standard errors of the smallest detectable effect: two-sided 5 %, power 80 %.
DETECTABLE = 1.96 + 0.84
LEAST_STEPS = 5
COUNTED = {"change": "steps", "curve": "steps", "regret": "arms"}  # name of an effect's items
REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
BY_CONSTRUCTION, INCONCLUSIVE, NOT_TESTABLE = "by construction", "inconclusive", "not testable here"


@dataclass(frozen=True)
class ClaimVerdict:
    """The result for a claim. `leans` is the direction of an inconclusive one, `needs` what would settle it.

    `beside` is the effect on the second measure, which does not decide the verdict. `by_seeds` says how many
    seeds would settle an inconclusive claim if the true effect equals the measured one.
    """

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
    beside: str = ""
    by_seeds: str = ""


def as_line(verdict: ClaimVerdict) -> str:
    """Return a verdict for a terminal: claim, effect with interval, and the reason or what it needs."""
    parts = [f"{verdict.verdict:17} {verdict.claim}"]
    if verdict.estimate is not None:
        scale = 100 if verdict.unit == "points" else 1
        low, high = (scale * (end or 0.0) for end in (verdict.low, verdict.high))
        effect = f"{scale * verdict.estimate:+.3g} {verdict.unit} ({low:.3g} to {high:.3g})"
        parts.append(f"{effect}, {verdict.items} items, {verdict.seeds} seeds")
    parts += [f"leans {verdict.leans}"] if verdict.verdict == INCONCLUSIVE and verdict.leans else []
    parts += [f"needs {verdict.needs}"] if verdict.needs else []
    parts += [f"seeds that would settle it: {verdict.by_seeds}"] if verdict.by_seeds else []
    return "; ".join([*parts, *([verdict.why] if verdict.why else [])])


def judge_claim(name: str, claim: Claim, evidence: Evidence | None) -> ClaimVerdict:
    """Judge one claim.

    Args:
        evidence: results of the claim's study; None if the claim needs no run.

    Raises:
        ValueError: the claim is about runs, and there is no evidence.
    """
    if isinstance(claim, Untestable):
        return ClaimVerdict(name, NOT_TESTABLE, why=claim.why)
    if isinstance(claim, Arithmetic):
        return _arithmetic(name, claim)
    if evidence is None:
        raise ValueError(f"claims: {name}: study: a claim of kind {claim.kind} needs one")
    if isinstance(claim, CorrelationClaim):
        return _correlation(name, claim, evidence)
    if (
        evidence.graph.recipe.evaluation.source != "miniature"
    ):  # only the tiny world was constructed
        claim = claim.model_copy(update={"by_construction": None})
    if isinstance(claim, AuditClaim):
        return _audit(name, claim, evidence)
    if isinstance(claim, Score):
        return _score(name, claim, evidence)
    try:
        found = measured_effect(claim, evidence)
    except (NothingToCompareWith, NotMeasured) as error:
        return ClaimVerdict(name, NOT_TESTABLE, why=str(error))
    verdict = settle_claim(name, claim, found, unit_of(claim))
    if isinstance(claim, Difference) and claim.beside is not None:
        return replace(verdict, beside=_beside(claim, claim.beside, evidence))
    return verdict


def _beside(claim: Difference, measure: str, evidence: Evidence) -> str:
    """Say what the same difference is on another measure."""
    other = claim.model_copy(update={"measure": measure})
    try:
        found = measured_effect(other, evidence)
    except (NothingToCompareWith, NotMeasured) as error:
        return f"on {measure}: {error}"
    unit = unit_of(other)
    scale = 100 if unit == "points" else 1
    low, high = scale * found.low, scale * found.high
    return f"on {measure}: {scale * found.estimate:+.3g} {unit} ({low:.3g} to {high:.3g})"


def measured_effect(claim: MeasuredClaim, evidence: Evidence) -> Effect:
    """Measure the effect that a claim is about, in the unit of its measure."""
    if isinstance(claim, Difference):
        a, b = (
            [evidence.items(arm, claim.measure, seed) for seed in evidence.seeds_of(arm)]
            for arm in (claim.a, claim.b)
        )
        return paired(a, b, relative=claim.relative)
    if isinstance(claim, CurveChange):
        curves = _curves(claim.arm, claim, evidence)
        before = _first if claim.since == "start" else _best
        ends = [_last(c) for c in curves], [before(c) for c in curves]
        return windows(*ends, relative=claim.relative)
    if isinstance(claim, Regret):
        table = checkpoints.checkpoint_table(evidence)
        return checkpoints.regret(table, claim.measure, claim.against)
    a, b = (_curves(arm, claim, evidence) for arm in (claim.a, claim.b))
    common = sorted(set.intersection(*(set(curve.index) for curve in [*a, *b])))
    a, b = ([curve.loc[common].to_numpy(float) for curve in side] for side in (a, b))
    if claim.of == "spread":
        return spreads(a, b)
    if claim.of == "end":
        a, b = ([_last(curve) for curve in side] for side in (a, b))
    return windows(a, b, relative=claim.relative)


def settle_claim(name: str, claim: SettledClaim, found: Effect, unit: str) -> ClaimVerdict:
    """Compare the interval of an effect with what the claim states."""
    direction, shown = _direction(claim), found
    target = getattr(claim, "target", 0.0)
    if target:  # the distance of the effect from the size that the claim states
        found = replace(
            found,
            estimate=found.estimate - target,
            low=found.low - target,
            high=found.high - target,
        )
    if isinstance(claim, Regret):  # not worse by more than `least`
        leans = (
            "for" if found.low > -claim.least else "against" if found.high < -claim.least else None
        )
    else:
        leans = lean(direction, claim.least, found)
    known = ClaimVerdict(
        name,
        INCONCLUSIVE,
        shown.estimate,
        shown.low,
        shown.high,
        unit,
        found.items,
        found.seeds,
        leans,
    )
    unsettled = "" if leans else needed(direction, claim.least, found, claim.kind)
    if not isinstance(
        claim, AuditClaim | Score
    ):  # these claims are about one checkpoint, whatever the number of seeds
        rule = Rule("no worse" if isinstance(claim, Regret) else direction, claim.least)
        steps = COUNTED.get(claim.kind) == "steps"
        seeds = seeds_at(rule, found, unit, steps=steps, training=claim.training)
        known = replace(known, by_seeds=seeds)
    if claim.training and found.seeds < SEEDS_NEEDED:
        both = filter(None, [_more_seeds(found.seeds), unsettled])
        return replace(known, needs="; and ".join(both))
    settled = replace(known, by_seeds="")
    if leans == "against":
        return replace(settled, verdict=CONTRADICTED)
    if leans == "for":
        constructed = claim.by_construction is not None
        why = claim.by_construction or ""
        return replace(settled, verdict=BY_CONSTRUCTION if constructed else REPRODUCED, why=why)
    return replace(known, needs=unsettled)


def _direction(claim: SettledClaim) -> Direction:
    """Return the direction in which the effect must go.

    An audit claims that answers with the phrase are right less often, or that almost no final answer has it.
    """
    if isinstance(claim, AuditClaim):
        return "less" if claim.of == "accuracy" else "same"
    return "same" if isinstance(claim, Regret) else claim.direction


def lean(direction: Direction, least: float, found: Effect) -> str | None:
    """Return `for` or `against`, or None if the interval allows both."""
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


def needed(direction: Direction, least: float, found: Effect, kind: str = "difference") -> str:
    """Say how many items or seeds would settle a claim with 80 % power.

    The items of a curve are steps, and those of a regret are arms. The first count is what would show an
    effect of the least size that counts. If there are enough already, the count is what would tell the
    measured effect from that size.
    """
    estimate = -found.estimate if direction == "less" else found.estimate
    border = -least if kind == "regret" else least
    size = abs(estimate) if direction == "same" and kind != "regret" else estimate
    distance = abs(border - size)
    target = max(least, abs(estimate)) if direction != "same" else distance
    if found.seed_spread and target > 1e-9:
        seeds = ceil((DETECTABLE * found.seed_spread / target) ** 2)
        if seeds > found.seeds:
            return f"{seeds} seeds"
    for each in (target, distance):
        if each < 1e-9:
            break
        counted = ceil(round(found.items * (DETECTABLE * found.error / each) ** 2, 6))
        if counted > found.items:
            return f"{counted:,} {COUNTED.get(kind, 'items')}"
    return "more of both; the estimate lies on the border"


def unit_of(claim: MeasuredClaim) -> str:
    """Return the unit of a claim's effect: points for shares of right answers, tokens, or a metric's name."""
    if isinstance(claim, Difference | CurveChange | CurveDifference) and claim.relative:
        of = claim.measure if isinstance(claim, Difference) else claim.metric
        return f"share of {'tokens' if of.startswith('tokens:') else of}"
    if isinstance(claim, Difference | Regret):
        return "tokens" if claim.measure.startswith("tokens:") else "points"
    if isinstance(claim, CurveDifference) and claim.of == "spread":
        return f"relative spread of {claim.metric}"
    return claim.metric


def _correlation(name: str, claim: CorrelationClaim, evidence: Evidence) -> ClaimVerdict:
    table = checkpoints.checkpoint_table(evidence)
    found = checkpoints.correlation(
        table, f"{claim.reading}/mean", claim.measure, kind="spearman", detrended=claim.detrended
    )
    if found.value is None or found.low is None or found.high is None or found.p is None:
        return ClaimVerdict(
            name, NOT_TESTABLE, why="too few checkpoints with critical tokens, or no spread"
        )
    seeds = min(len(set(arm["seed"])) for _, arm in table.groupby("arm"))
    as_effect = Effect(found.value, found.low, found.high, 0.0, seeds, found.points, None)
    leans = lean(claim.direction, claim.least, as_effect)
    if leans == "for" and found.p >= P_NEEDED:
        leans = None
    known = ClaimVerdict(
        name,
        INCONCLUSIVE,
        found.value,
        found.low,
        found.high,
        "Spearman's rho",
        found.points,
        seeds,
        leans,
        why=f"p = {found.p:.3f} by permutation within runs",
    )
    wanted = _runs_needed(claim, found, as_effect)
    runs = "" if leans else wanted
    known = replace(known, by_seeds=_seeds_for_runs(wanted, found.runs, seeds))
    if claim.training and seeds < SEEDS_NEEDED:
        return replace(known, needs="; and ".join(filter(None, [_more_seeds(seeds), runs])))
    if leans:
        return replace(known, by_seeds="", verdict=REPRODUCED if leans == "for" else CONTRADICTED)
    return replace(known, needs=runs)


def _seeds_for_runs(wanted: str, runs: int, seeds: int) -> str:
    """Return the number of seeds of the present arms that makes so many runs."""
    count, _, unit = wanted.partition(" ")
    if unit != "runs":
        return "no number, since the two are not correlated within runs"
    needed = ceil(int(count.replace(",", "")) * seeds / runs)
    return str(max(SEEDS_NEEDED, needed))


def _runs_needed(
    claim: CorrelationClaim, found: checkpoints.CheckpointCorrelation, interval: Effect
) -> str:
    """Say how many runs both tests need for 80 % power: the interval on Fisher's scale, and permutation."""
    sign = 1 if claim.direction == "more" else -1
    if found.beyond is None or sign * found.beyond <= 0:
        return "another measure, since these are not correlated within runs"
    clipped = np.clip([interval.low, interval.high, interval.estimate], -0.999, 0.999)
    low, high, value = np.arctanh(clipped)
    target = max(float(np.arctanh(claim.least)), abs(float(value)))
    factors = [(DETECTABLE * (high - low) / 3.92 / target) ** 2, (DETECTABLE / found.beyond) ** 2]
    return f"{max(found.runs + 1, ceil(found.runs * max(factors))):,} runs"


def _arithmetic(name: str, claim: Arithmetic) -> ClaimVerdict:
    """Judge a sum: a false one contradicts a claim; a true one is no reproduction, as no run made it."""
    found = settle_sum(claim.check, claim.numbers)
    if not found.holds:
        return ClaimVerdict(name, CONTRADICTED, why=f"by its own tables: not {found.shown}")
    return ClaimVerdict(name, NOT_TESTABLE, why=f"its own tables agree: {found.shown}")


def _score(name: str, claim: Score, evidence: Evidence) -> ClaimVerdict:
    own = settle_sum(claim.check, claim.numbers) if claim.check else None
    if own is not None and not own.holds:
        return ClaimVerdict(name, CONTRADICTED, why=f"by its own tables: not {own.shown}")
    agrees = f"its own tables agree: {own.shown}; " if own is not None else ""
    if evidence.graph.recipe.evaluation.source == "miniature":
        why = f"{agrees}miniatures are asked here, and the number is for {claim.benchmark} itself"
        return ClaimVerdict(name, NOT_TESTABLE, why=why)
    score = evidence.score(claim.arm, claim.benchmark)
    if score is None:
        return ClaimVerdict(name, NOT_TESTABLE, why=f"{agrees}{claim.benchmark} was not asked")
    bar = expression_value(claim.bar, claim.numbers) / 100
    interval = score["mean"], score["low"], score["high"], score["standard_error"]
    found = of_score(*interval, score["clusters"], bar)
    return settle_claim(name, claim, found, "points")


def _audit(name: str, claim: AuditClaim, evidence: Evidence) -> ClaimVerdict:
    verdicts = evidence.verdicts(claim.arm, claim.measure, 1)
    if claim.of == "summary":
        return _summary(name, claim, verdicts)
    says = np.array([find_phrase(text) is not None for text in verdicts["response"]], dtype=bool)
    if not says.any() or says.all():
        return ClaimVerdict(name, NOT_TESTABLE, why=_nobody(int(says.sum()), len(says)))
    right = column(verdicts, "correct").astype(float).to_numpy()
    cluster = column(verdicts, "cluster").astype(str).to_numpy()
    if not has_contrast(says, cluster):
        return ClaimVerdict(name, NOT_TESTABLE, why="the answers of one item alone say it")
    return settle_claim(name, claim, between_answers(right, says, cluster), "points")


def _summary(name: str, claim: AuditClaim, verdicts: pd.DataFrame) -> ClaimVerdict:
    """Judge, among answers whose thought has the phrase, the share whose final answer has it too."""
    parts = [split_reply(text) for text in verdicts["response"]]
    thought = np.array([find_phrase(each) is not None for each, _ in parts], dtype=bool)
    if not thought.any():
        return ClaimVerdict(name, NOT_TESTABLE, why=_nobody(0, len(parts)))
    cluster = column(verdicts, "cluster").astype(str).to_numpy()
    answer = np.array([find_phrase(each) is not None for _, each in parts], dtype=bool)
    found = share_of_answers(answer[thought], cluster[thought])
    return settle_claim(name, claim, found, "points")


def _nobody(saying: int, answers: int) -> str:
    return (
        f"{saying} of {answers:,} answers say it: no chain that the tiny models learned from does"
    )


def _curves(arm: str, claim: CurveChange | CurveDifference, evidence: Evidence) -> list[pd.Series]:
    """Return an arm's curves; raise NotMeasured if a run of earlier code has no step of the metric."""
    found = [evidence.curve(arm, seed, claim.metric) for seed in evidence.seeds_of(arm)]
    if any(curve.empty for curve in found):
        raise NotMeasured(f"no steps of {claim.metric}, arm '{arm}'")
    return found


def _tenth(values: Values) -> int:
    return max(LEAST_STEPS, len(values) // 10)


def _first(values: Values) -> np.ndarray:
    return np.asarray(values, float)[: _tenth(values)]


def _best(values: Values) -> np.ndarray:
    """Return the tenth of the steps with the highest mean; the first one wins a tie."""
    known, width = np.asarray(values, float), _tenth(values)
    starts = range(max(1, len(known) - width + 1))
    start = max(starts, key=lambda place: known[place : place + width].mean())
    return known[start : start + width]


def _last(values: Values) -> np.ndarray:
    return np.asarray(values, float)[-_tenth(values) :]


def _more_seeds(seeds: int) -> str:
    return f"{SEEDS_NEEDED} seeds; there {'is 1' if seeds == 1 else f'are {seeds}'}"
