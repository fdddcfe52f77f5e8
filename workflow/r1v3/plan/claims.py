"""`r1v3 plan --studies`: what would settle each claim, and what the recipe's studies can show.

A claim is settled if both possible truths would be found with 80 % power: no effect, and the expected effect.
The expected effect is the one that the report names, or else twice the least effect that counts. Spreads come
from finished results if there are any. Otherwise they are the assumptions below, and the table says so.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tabulate import tabulate

from r1v3.analyze.studies import checkpoints
from r1v3.analyze.studies.effects import Effect, NothingToCompareWith
from r1v3.analyze.studies.evidence import Evidence, NotMeasured
from r1v3.analyze.studies.power import (
    Design,
    Rule,
    Spread,
    assumed_seed_spread,
    both_needed,
    detectable,
    detectable_correlation,
    items_needed,
    runs_for_correlation,
    seeds_needed,
    settles,
    share_items,
    spread_of,
)
from r1v3.analyze.studies.verdicts import (
    LEAST_STEPS,
    SEEDS_NEEDED,
    MeasuredClaim,
    measured_effect,
    unit_of,
)
from r1v3.plan.questions import questions_of_benchmark, questions_of_measure
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import Project, load_project
from r1v3.recipe.schema.report_numbers import expression_value
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
from r1v3.recipe.schema.training import Grpo
from r1v3.recipe.seeds import seeds_on_disk

Counted = Literal["items", "steps", "arms", "runs", "answers"]
# The answers of two arms to the same item are correlated. With r = 0.5, and both right half of the time, the
# standard deviation of an item's difference is 0.5. The standard deviation of lengths is half of their mean.
CORRELATION, HALF, LENGTHS = 0.5, 0.5, 0.5
# Standard deviation of a step's value around its trend, absolute and as a share of the mean, from 100 steps
# of `rl` of the tiny recipe.
STEP = {
    "reward": (0.033, 0.04),
    "accuracy": (0.041, 0.05),
    "entropy": (0.007, 0.12),
    "response_length": (1.0, 0.03),
    "grad_norm": (0.022, 0.2),
    "repetition": (0.005, 0.2),
    "zero_variance_in_accuracy": (0.063, 0.13),
    "critical_share": (0.15, 0.15),
    "critical_token_entropy": (0.026, 0.45),
}
OTHER_STEP = (0.05, 0.2)
ARM = 0.03  # standard deviation over runs of what a choice of checkpoints gains or loses
SAYING = 47 / 900  # share of answers in table 5 that say that the picture cannot be seen
RANKS = 1.06  # variance of Fisher's z of ranks, times (runs - 3); a run counts as one point
OURS = "skywork_r1v3_38b"  # the model's column of Table 1
SEEDS_SHOWN = (1, 3, 5, 10)


@dataclass(frozen=True)
class ClaimPower:
    """What a claim needs. Spreads, `least`, `expected` and `detectable` have the unit of the effect.

    `seeds_needed` is the number with the planned items. `items_needed`, and `steps_needed` of a whole run,
    are the numbers with the planned seeds, or with three seeds for a claim about training. None means that
    no number settles the claim. `together` is the cheapest combination of seeds and items (or steps of a
    whole run), if neither alone is enough. `settled` says whether the plan settles the claim. `basis` says
    where the spreads come from. `note` says why a claim has no plan.
    """

    claim: str
    study: str | None
    unit: str = ""
    direction: str = ""
    least: float | None = None
    expected: float | None = None
    basis: str = ""
    item_spread: float | None = None
    seed_spread: float | None = None
    counted: Counted = "items"
    items: int | None = None
    seeds: int | None = None
    detectable: float | None = None
    settled: bool = False
    seeds_needed: int | None = None
    items_needed: int | None = None
    steps_needed: int | None = None
    together: tuple[int, int] | None = None
    note: str = ""


@dataclass(frozen=True)
class Planned:
    """The rule of a claim, its spread, and the number of items, steps or arms that a seed has."""

    rule: Rule
    spread: Spread
    items: int
    counted: Counted
    expected: float | None
    basis: str


def plan_claims(
    root: Path, recipe: str, overlay: Path | None, *, seeds: int, seed_spread: float | None = None
) -> list[ClaimPower]:
    """Return what each claim needs, in the order of config/claims.yaml.

    Args:
        seeds: number of seeds of each arm, as in `make studies SEEDS=`.
        seed_spread: standard deviation between seeds, as a share, that replaces the assumed one for
            accuracies.

    Raises:
        RecipeError: the configuration has mistakes; the message has one line for each.
    """
    on_disk = seeds_on_disk(root / "results")
    project = load_project(root, recipe, overlay, seeds=max(seeds, on_disk))
    graph = ResultGraph(project)
    return [
        plan_claim(name, claim, graph, seeds=seeds, on_disk=on_disk, seed_spread=seed_spread)
        for name, claim in project.claims.items()
    ]


def plan_claim(
    name: str,
    claim: Claim,
    graph: ResultGraph,
    *,
    seeds: int,
    on_disk: int = 1,
    seed_spread: float | None = None,
) -> ClaimPower:
    """Return what one claim needs; `on_disk` is the largest number of seeds that results may have."""
    empty = ClaimPower(name, claim.study)
    if isinstance(claim, Arithmetic | Untestable):
        why = claim.why if isinstance(claim, Untestable) else "a sum over the report's own tables"
        return _noted(empty, f"no run settles it: {why}")
    evidences = _evidences(claim, graph, on_disk)
    if isinstance(claim, CorrelationClaim):
        return _correlation(empty, claim, graph.project, evidences, seeds)
    if isinstance(claim, AuditClaim) and claim.of == "summary":
        return _summary(empty, claim, graph.project)
    if isinstance(claim, Score) and graph.recipe.evaluation.source == "miniature":
        return _noted(empty, "no run settles it: miniatures are asked, not the benchmark itself")
    try:
        planned = _planned(claim, graph.project, evidences, seed_spread)
    except (ValueError, LookupError) as error:
        return _noted(empty, str(error))
    return _power(empty, claim, planned, 1 if isinstance(claim, Score | AuditClaim) else seeds)


def _noted(empty: ClaimPower, note: str) -> ClaimPower:
    return ClaimPower(empty.claim, empty.study, note=note)


def _power(
    empty: ClaimPower, claim: MeasuredClaim | Score | AuditClaim, planned: Planned, seeds: int
) -> ClaimPower:
    rule, spread, expected = planned.rule, planned.spread, planned.expected
    design = Design(planned.items, seeds)
    at_least = SEEDS_NEEDED if claim.training else 1
    enough = Design(planned.items, max(seeds, at_least))
    one_checkpoint = isinstance(claim, Score | AuditClaim)
    wanted = items_needed(rule, spread, enough, expected)
    if one_checkpoint:
        needed = 1 if settles(rule, spread, design, expected) else None
    else:
        needed = seeds_needed(rule, spread, design, expected, at_least=at_least)
    together = None
    if needed is None and wanted is None and not one_checkpoint:
        both = both_needed(rule, spread, expected, at_least=at_least)
        if both is not None:
            counted = _whole_run(claim, both.items) if planned.counted == "steps" else both.items
            together = both.seeds, counted
    steps = None
    if planned.counted == "steps" and wanted is not None:
        steps = _whole_run(claim, wanted)
    return ClaimPower(
        empty.claim,
        empty.study,
        "points" if isinstance(claim, Score | AuditClaim) else unit_of(claim),
        rule.direction,
        rule.least,
        expected,
        planned.basis,
        spread.item,
        spread.seed,
        planned.counted,
        planned.items,
        seeds,
        detectable(rule, spread, design),
        seeds >= at_least and settles(rule, spread, design, expected),
        needed,
        None if planned.counted == "steps" else wanted,
        steps,
        together,
    )


# --- what is planned and what is known ----------------------------------------------------------------


def _planned(
    claim: MeasuredClaim | Score | AuditClaim,
    project: Project,
    evidences: Iterator[Evidence],
    seed_spread: float | None,
) -> Planned:
    """Plan a claim; raise ValueError if its items are unknown, or nothing is known of its spread."""
    rule, expected = _rule(claim), _expected(claim)
    if isinstance(claim, Score):
        share = expression_value(claim.bar, claim.numbers) / 100
        items = questions_of_benchmark(project, claim.benchmark)
        return Planned(rule, Spread(_deviation(share), 0.0), items, "items", expected, "computed")
    if isinstance(claim, AuditClaim):
        items = questions_of_measure(project, claim.measure)
        spread = Spread(HALF * sqrt(1 / SAYING + 1 / (1 - SAYING)), 0.0)
        return Planned(rule, spread, items, "items", expected, "assumed")
    items, counted = _counted(claim, project)
    unit, steps = unit_of(claim), counted == "steps"
    between = assumed_seed_spread(unit) if claim.training else 0.0
    if seed_spread is not None and unit == "points" and claim.training:
        between = seed_spread
    for evidence in evidences:
        if found := _measured(claim, evidence):
            known = spread_of(found, steps=steps, seed=between or 0.0)
            kind = f"{found.seeds} seeds" if found.seeds > 1 else "1 seed"
            return Planned(rule, known, items, counted, expected, f"measured, {kind}")
    if between is None:
        raise ValueError(f"nothing is known of the spread of {unit} before a run")
    return Planned(
        rule, Spread(_assumed(claim), between, steps), items, counted, expected, "assumed"
    )


def _evidences(claim: Claim, graph: ResultGraph, most: int) -> Iterator[Evidence]:
    """Yield the results of the claim's study, with the largest number of seeds first and then with fewer."""
    if claim.study is not None:
        study = graph.project.studies[claim.study]
        for seeds in range(most, 0, -1):
            yield Evidence(graph, study, graph.project.root, seeds)


def _measured(claim: MeasuredClaim, evidence: Evidence) -> Effect | None:
    """Return the effect in finished results; None if they lack a part of it, or have no spread."""
    try:
        found = measured_effect(claim, evidence)
    except (FileNotFoundError, NotMeasured, NothingToCompareWith, KeyError):
        return None
    return found if found.error > 0 and np.isfinite(found.error) else None


def _counted(claim: MeasuredClaim, project: Project) -> tuple[int, Counted]:
    """Return the number of items, of arms, or of steps a seed that an effect is measured over."""
    if isinstance(claim, Difference):
        return questions_of_measure(project, claim.measure), "items"
    study = project.studies[claim.study or ""]
    if isinstance(claim, Regret):
        return sum(project.runs[arm.run].stage == "grpo" for arm in study.arms.values()), "arms"
    names = [claim.arm] if isinstance(claim, CurveChange) else [claim.a, claim.b]
    settings = [project.runs[study.arms[name].run].settings for name in names]
    if not all(isinstance(each, Grpo) for each in settings):
        raise ValueError("the steps of a supervised run are known only once its data set is made")
    steps = min(each.steps for each in settings if isinstance(each, Grpo))
    whole = isinstance(claim, CurveDifference) and claim.of != "end"
    return (steps if whole else min(steps, max(LEAST_STEPS, steps // 10))), "steps"


def _whole_run(claim: Claim, window: int) -> int:
    """Return the steps of a whole run if the window (a tenth, or all of it) has this many steps."""
    whole = isinstance(claim, CurveDifference) and claim.of != "end"
    return window if whole else 10 * max(LEAST_STEPS, window)


def _assumed(claim: MeasuredClaim) -> float:
    """Return the assumed standard deviation of an item, step or arm, if nothing was measured."""
    if isinstance(claim, Regret):
        return ARM
    if isinstance(claim, Difference):
        if claim.relative or claim.measure.startswith("tokens:"):
            return LENGTHS * sqrt(2 - 2 * CORRELATION)
        known = claim.published
        shares = (known.a / 100, known.b / 100) if known and known.b is not None else (HALF, HALF)
        one, other = (_deviation(share) for share in shares)
        return sqrt(one**2 + other**2 - 2 * CORRELATION * one * other)
    level, relative = STEP.get(claim.metric, OTHER_STEP)
    if isinstance(claim, CurveDifference) and claim.of == "spread":
        # The standard error of a coefficient of variation c is c sqrt(1/2 + c^2) / sqrt(n).
        return sqrt(2) * relative * sqrt(0.5 + relative**2)
    return sqrt(2) * (relative if claim.relative else level)


def _deviation(share: float) -> float:
    return sqrt(share * (1 - share))


def _rule(claim: MeasuredClaim | Score | AuditClaim) -> Rule:
    if isinstance(claim, Regret):
        return Rule("no worse", claim.least)
    return Rule("less" if isinstance(claim, AuditClaim) else claim.direction, claim.least)


def _expected(claim: MeasuredClaim | Score | AuditClaim) -> float | None:
    """Return the size that the report names, in the effect's unit, if it exceeds the least that counts."""
    points = isinstance(claim, Score | AuditClaim) or unit_of(claim) == "points"
    if not points or _rule(claim).direction == "same":
        return None
    known = claim.published
    ours, other = (known.a, known.b) if known else (None, None)
    if isinstance(claim, Score):
        ours = claim.numbers.get(f"{claim.benchmark}.{OURS}", ours)
        other = expression_value(claim.bar, claim.numbers)
    if ours is None or other is None:
        return None
    size = (ours - other) / 100 * (-1 if _rule(claim).direction == "less" else 1)
    return size if size > claim.least else None


# --- claims with a rule of their own -----------------------------------------------------------------


def _correlation(
    empty: ClaimPower,
    claim: CorrelationClaim,
    project: Project,
    evidences: Iterator[Evidence],
    seeds: int,
) -> ClaimPower:
    """Plan a correlation. A run counts as one point, and a seed has one run of each arm."""
    arms = len(project.studies[claim.study or ""].arms)
    variance, basis = RANKS, "assumed"
    for evidence in evidences:
        found = _measured_correlation(claim, evidence)
        if found and found.low is not None and found.high is not None and found.runs > 3:
            low, high = np.arctanh(np.clip([found.low, found.high], -0.999, 0.999))
            variance, basis = float(((high - low) / 3.92) ** 2 * (found.runs - 3)), "measured"
            break
    runs = runs_for_correlation(claim.least, variance)
    needed = max(SEEDS_NEEDED if claim.training else 1, ceil(runs / arms))
    return ClaimPower(
        empty.claim,
        empty.study,
        "Spearman's rho",
        claim.direction,
        claim.least,
        None,
        basis,
        sqrt(variance),
        None,
        "runs",
        arms * seeds,
        seeds,
        detectable_correlation(arms * seeds, variance),
        seeds >= needed,
        needed,
        runs,
    )


def _measured_correlation(
    claim: CorrelationClaim, evidence: Evidence
) -> checkpoints.CheckpointCorrelation | None:
    try:
        table = checkpoints.checkpoint_table(evidence)
    except (FileNotFoundError, KeyError):
        return None
    x = f"{claim.reading}/mean"
    return checkpoints.correlation(
        table, x, claim.measure, kind="spearman", detrended=claim.detrended
    )


def _summary(empty: ClaimPower, claim: AuditClaim, project: Project) -> ClaimPower:
    """Count the answers with the phrase that show, if none repeats it, that fewer than `least` do."""
    try:
        items = questions_of_measure(project, claim.measure)
    except ValueError as error:
        return _noted(empty, str(error))
    answers = share_items(claim.least)
    saying = round(items * SAYING)
    return ClaimPower(
        empty.claim,
        empty.study,
        "points",
        "same",
        claim.least,
        basis="assumed",
        counted="answers",
        items=saying,
        seeds=1,
        detectable=1 / (1 + saying / 3.8415) if saying else 1.0,
        settled=saying >= answers,
        seeds_needed=1 if saying >= answers else None,
        items_needed=ceil(answers / SAYING),
    )


# --- as text and as JSON -----------------------------------------------------------------------------


def settled_by_seeds(rows: list[ClaimPower]) -> dict[int, int]:
    """Return how many claims each number of seeds settles, on the planned items and steps."""
    return {
        seeds: sum(each.seeds_needed is not None and each.seeds_needed <= seeds for each in rows)
        for seeds in SEEDS_SHOWN
    }


def as_json(recipe: str, seeds: int, rows: list[ClaimPower]) -> dict[str, Any]:
    """Return the whole plan, for `--json`."""
    return {
        "recipe": recipe,
        "seeds": seeds,
        "power": 0.8,
        "confidence": 0.95,
        "settled_by_seeds": settled_by_seeds(rows),
        "claims": [asdict(each) for each in rows],
    }


def claims_table(recipe: str, seeds: int, rows: list[ClaimPower]) -> list[str]:
    """Return the plan as a table, with an explanation of its columns."""
    planned = [each for each in rows if not each.note]
    shown = [
        {
            "claim": each.claim,
            "counts from": _number(each.least, each.unit),
            "the report's": _number(each.expected, each.unit),
            "unit": each.unit.replace("_", " "),
            "spread of an item, between seeds": f"{_number(each.item_spread, each.unit)},"
            f" {_number(each.seed_spread, each.unit)}",
            "from": each.basis,
            "planned": f"{each.seeds} x {each.items:,} {each.counted}",
            "can show": _number(each.detectable, each.unit),
            "needs seeds": _count(each.seeds_needed),
            "or": _wanted(each),
            "or together": _together(each),
            "settled": "yes" if each.settled else "no",
        }
        for each in planned
    ]
    lines = [
        f"Recipe {recipe}, {seeds} seed{'' if seeds == 1 else 's'} of each arm: what settles each claim"
        " with 80 % power at a confidence of 95 %.",
        "",
        tabulate(shown, headers="keys", disable_numparse=True),
        "",
    ]
    found = settled_by_seeds(rows)
    lines += [
        "Settled on the planned items and steps, of"
        f" {len(planned)}: "
        + ", ".join(
            f"{count} with {many} seed{'' if many == 1 else 's'}" for many, count in found.items()
        )
        + ".",
        "'can show': the smallest true effect whose interval would exclude 0; for 'same' and 'no worse' the"
        " smallest margin that would hold.",
        "'needs seeds': on the planned items. 'or': items, answers or runs, or steps of a whole run, with the"
        f" planned seeds, and {SEEDS_NEEDED} or more for a claim about training. '-': no number is enough.",
        "'or together': where neither alone is enough, the seeds and items (steps of a whole run) with about"
        " the fewest answers.",
        "'assumed': an item's difference of 0.5, lengths that vary by half, steps as in `rl` of the tiny"
        " recipe, 4 points between seeds (--seed-spread); results replace these where they are there.",
        "",
        f"Not planned, {len(rows) - len(planned)}:",
    ]
    return [*lines, *(f"  {each.claim}: {each.note}" for each in rows if each.note)]


def _wanted(each: ClaimPower) -> str:
    if each.counted == "steps":
        return f"{_count(each.steps_needed)} steps"
    counted = "items" if each.counted == "answers" else each.counted
    return f"{_count(each.items_needed)} {counted}"


def _together(each: ClaimPower) -> str:
    if each.together is None:
        return ""
    seeds, counted = each.together
    return f"{seeds:,} x {counted:,} {each.counted}"


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "points":
        return f"{100 * value:.1f}"
    return (
        f"{100 * value:.0f} %"
        if unit.startswith(("share of", "relative spread"))
        else f"{value:.3g}"
    )
