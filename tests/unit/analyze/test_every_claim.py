"""Every check of config/claims.yaml can have both results, and agrees with its sentence."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_up_results import ROOT

from r1v3.analyze.studies import checkpoints
from r1v3.analyze.studies.verdicts import judge_claim
from r1v3.recipe.load import load_project
from r1v3.recipe.schema.report_numbers import expression_value, settle_sum
from r1v3.recipe.schema.studies import Arithmetic, Score

PROJECT = load_project(ROOT, "tiny", seeds=3)
CLAIMS = PROJECT.claims
ITEMS, STEPS, SEEDS = 200, 100, (1, 2, 3)
FOR = {"reproduced", "by construction"}
RUN_CLAIMS = sorted(n for n, c in CLAIMS.items() if c.kind not in ("arithmetic", "untestable"))
DIFFERENCES = sorted(n for n, c in CLAIMS.items() if c.kind == "difference")


class MadeUp:
    """Evidence of arms with items, curves, answers and scores that a test sets; three seeds each."""

    def __init__(self, claim, *, items=None, curves=None, answers=None, score=None):
        self.claim, self.curves, self.answers, self.made_score = claim, curves, answers, score
        self.made_items = items
        self.study = PROJECT.studies[claim.study]
        evaluation = SimpleNamespace(source="files")
        self.graph = SimpleNamespace(recipe=SimpleNamespace(evaluation=evaluation))

    def seeds_of(self, label):
        return SEEDS

    def items(self, label, measure, seed):
        return pd.Series(self.made_items[label])

    def curve(self, label, seed, metric):
        return pd.Series(self.curves[label], index=range(1, STEPS + 1))

    def verdicts(self, label, measure, seed):
        assert (label, measure) == (self.claim.arm, self.claim.measure)
        return self.answers

    def score(self, label, benchmark):
        assert (label, benchmark) == (self.claim.arm, self.claim.benchmark)
        return self.made_score


def sizes(claim):
    """Return an effect that agrees with the claim, and one that contradicts it, in the claim's unit."""
    enough = max(1.5 * claim.least, 0.01)
    if claim.direction == "same":
        return claim.target, claim.target + 3 * claim.least + 0.01
    return (enough, -enough) if claim.direction == "more" else (-enough, enough)


def items_with(claim, effect):
    """Return items of both arms whose means differ by the effect, absolute or as a share."""
    b = 0.5 + 0.001 * np.sin(np.arange(ITEMS))
    a = b * (1 + effect) if claim.relative else b + effect
    return {claim.a: a, claim.b: b}


def curves_with(claim, effect):
    wave = 1 + 0.001 * np.sin(np.arange(STEPS))
    if claim.kind == "change":
        late = 1 + effect if claim.relative else 2 + effect
        early = 1 if claim.relative else 2
        return {claim.arm: np.where(np.arange(STEPS) < STEPS // 2, early, late) * wave}
    if claim.of == "spread":
        base, more = (0.01, 0.01 + 4 * effect) if effect > 0 else (0.01 - 4 * effect, 0.01)
        sign = np.where(np.arange(STEPS) % 2, 1, -1)
        return {claim.a: 2 + 2 * more * sign, claim.b: 2 + 2 * base * sign}
    b = 2 * wave
    return {claim.a: b * (1 + effect) if claim.relative else b + effect, claim.b: b}


def answers_with(claim, agrees):
    """Return two hundred items, of which half say that the picture cannot be seen."""
    rows = []
    for n in range(400):
        says = n < 200
        thought = "I cannot see the image." if says else "I count."
        again = says and claim.of == "summary" and not agrees and n % 2
        answer = "I cannot see the image, so 3" if again else "3"
        right = n % 10 < ((4 if agrees else 9) if says else 8)
        response = f"<think>{thought}</think>{answer}"
        rows.append({"response": response, "correct": right, "cluster": n})
    return pd.DataFrame(rows)


def score_with(claim, agrees):
    bar = expression_value(claim.bar, claim.numbers) / 100
    effect = sizes(claim)[0 if agrees else 1]
    mean = bar + effect
    return {
        "mean": mean,
        "low": mean - 0.004,
        "high": mean + 0.004,
        "standard_error": 0.002,
        "clusters": 900,
    }


def table_with(claim, agrees, rng):
    """Return checkpoints of nine runs whose entropy and measure change in the same or opposite directions."""
    sign = 1 if agrees else -1
    rows = []
    for arm in range(9):
        for seed in SEEDS:
            pattern = rng.permutation(6)
            for step, value in enumerate(pattern, 1):
                row = {"arm": f"arm {arm}", "seed": seed, "run": f"{arm}, {seed}", "step": step}
                row |= {"critical words/mean": float(value), "reward": float(step)}
                row |= {claim.measure: 0.5 + sign * 0.05 * float(value) + 0.001 * rng.random()}
                rows.append(row)
    return pd.DataFrame(rows)


def judge_with(name, agrees, monkeypatch):
    claim = CLAIMS[name]
    if claim.kind == "audit":
        made = MadeUp(claim, answers=answers_with(claim, agrees))
    elif claim.kind == "score":
        made = MadeUp(claim, score=score_with(claim, agrees))
    elif claim.kind in ("correlation", "regret"):
        table = table_with(claim, agrees, np.random.default_rng(0))
        monkeypatch.setattr(checkpoints, "checkpoint_table", lambda _: table)
        made = MadeUp(claim)
    else:
        effect = sizes(claim)[0 if agrees else 1]
        if claim.kind == "difference":
            made = MadeUp(claim, items=items_with(claim, effect))
        else:
            made = MadeUp(claim, curves=curves_with(claim, effect))
    return judge_claim(name, claim, made)


@pytest.mark.parametrize("name", RUN_CLAIMS)
def test_made_up_data_on_both_sides_get_both_verdicts(name, monkeypatch):
    """Use benchmarks from files, because with miniatures the verdict would be `by construction`."""
    monkeypatch.setattr(checkpoints, "RESAMPLES", 60)
    assert judge_with(name, True, monkeypatch).verdict in FOR, name
    assert judge_with(name, False, monkeypatch).verdict == "contradicted", name


def test_only_what_no_run_of_this_pipeline_could_show_is_untestable():
    untestable = {name for name, claim in CLAIMS.items() if claim.kind == "untestable"}
    assert untestable == {"first_stitched"}


@pytest.mark.parametrize(
    "name", sorted(n for n, c in CLAIMS.items() if isinstance(c, Arithmetic | Score) and c.check)
)
def test_a_sum_over_the_reports_numbers_turns_when_they_do(name):
    """Find, for each sum, a change of its numbers that gives the other outcome."""
    claim = CLAIMS[name]
    ours = {key: value for key, value in claim.numbers.items() if key.endswith("skywork_r1v3_38b")}
    groups = [{key: value} for key, value in claim.numbers.items()] + [ours]
    outcomes = {
        settle_sum(
            claim.check, claim.numbers | {key: value * factor for key, value in group.items()}
        ).holds
        for group in groups
        for factor in (0.01, 0.7, 1.0, 1.5, 100.0)
    }
    assert outcomes == {True, False}


def test_arithmetic_is_computed_and_not_believed():
    eighteen = CLAIMS["nowait_eighteen_percent"]
    assert "agree" in judge_claim("n", eighteen, None).why
    wrong = eighteen.model_copy(update={"check": "1040 / 1272 = 0.5"})
    assert judge_claim("n", wrong, None).verdict == "contradicted"
    false = [n for n, c in CLAIMS.items() if c.kind == "arithmetic"]
    verdicts = {n: judge_claim(n, CLAIMS[n], None).verdict for n in false}
    contradicted = {n for n, verdict in verdicts.items() if verdict == "contradicted"}
    assert contradicted == {"mathvista_beats_all_open", "two_thousand_tokens_close_the_gap"}


@pytest.mark.parametrize(
    ("name", "share", "expected"),
    [
        ("nowait_is_shorter", 0.988, "contradicted"),  # 1.2 % shorter
        ("nowait_is_shorter", 0.818, "reproduced"),
        ("nothink_is_short", 0.99, "contradicted"),  # 12 of 1,272 tokens fewer
        ("nothink_is_short", 0.207, "reproduced"),
    ],
)
def test_a_proportion_is_judged_as_a_proportion_at_any_length(name, share, expected):
    claim = CLAIMS[name]
    for tokens in (30.0, 1272.0):
        slow = np.full(ITEMS, tokens)
        made = MadeUp(claim, items={claim.a: share * slow, claim.b: slow})
        assert judge_claim(name, claim, made).verdict == expected


@pytest.mark.parametrize("start", [20.0, 700.0])
def test_not_growing_is_relative_to_the_length_at_the_start(start):
    claim = CLAIMS["instructed_does_not_grow"]
    steps = np.arange(STEPS)
    for grown, expected in ((1.02, "reproduced"), (1.3, "contradicted")):
        curve = start * np.where(steps < 50, 1.0, grown)
        made = MadeUp(claim, curves={claim.arm: curve})
        assert judge_claim("c", claim, made).verdict == expected


def test_a_relative_effect_of_nothing_is_not_testable():
    claim = CLAIMS["high_entropy_rises"]
    made = MadeUp(claim, curves={claim.arm: np.r_[np.zeros(50), np.ones(50)]})
    found = judge_claim("c", claim, made)
    assert (found.verdict, found.why) == (
        "not testable here",
        "what the effect is relative to is 0",
    )


def test_saturation_compares_two_budgets_at_every_scale():
    from r1v3.recipe.graph.arms import thinking_mode_of
    from r1v3.recipe.graph.results import ResultGraph

    claim, study = CLAIMS["budgets_saturate"], PROJECT.studies["budgets"]
    for recipe, budgets in (("tiny", ["cap_48", "cap_32"]), ("paper", ["cap_16384", "cap_8192"])):
        graph = ResultGraph(load_project(ROOT, recipe))
        assert [thinking_mode_of(graph, study.arms[arm]) for arm in (claim.a, claim.b)] == budgets
    assert study.published["next to largest"]["checkpoint/mmmu_val"] == 75.2


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_number_of_mathvista_or_mmmu_is_judged_on_that_benchmark(name):
    claim = CLAIMS[name]
    if claim.published is None:
        return
    benchmark = "mathvista_mini" if "MathVista" in claim.published.where else "mmmu_val"
    assert claim.measure.split("/")[-1] == benchmark
    assert str(claim.beside).startswith("held_out/")
    assert {claim.measure, claim.beside} <= set(PROJECT.studies[claim.study].measures)


def test_published_numbers_of_studies_stand_at_the_benchmark_that_they_are_of():
    for study in PROJECT.studies.values():
        for known in study.published.values():
            assert not [m for m in known if "held_out" in m], study.title


def test_a_miniature_settles_no_score_and_a_false_table_is_not_saved_by_a_run():
    claim = CLAIMS["mmmu_is_best_of_open"]
    made = MadeUp(claim, score=score_with(claim, True))
    made.graph.recipe.evaluation.source = "miniature"
    assert judge_claim("c", claim, made).verdict == "not testable here"
    made.graph.recipe.evaluation.source = "files"
    false = claim.model_copy(update={"check": "mmmu_val.skywork_r1v3_38b < 70"})
    assert judge_claim("c", false, made).verdict == "contradicted"
    made.made_score = None
    assert judge_claim("c", claim, made).why.endswith("mmmu_val was not asked")


def test_what_stands_beside_does_not_decide():
    claim = CLAIMS["rl_generalises"]
    made = MadeUp(claim, items=items_with(claim, 0.05))
    found = judge_claim("c", claim, made)
    assert found.verdict == "reproduced"
    assert found.beside.startswith("on held_out/multi_domain: +5 points (5 to 5)")


def test_the_order_of_arms_and_measures_decides_nothing():
    claim = CLAIMS["not_seeing_costs"]
    made = MadeUp(claim, answers=answers_with(claim, True))
    arms = dict(reversed(PROJECT.studies["hallucination"].arms.items()))
    made.study = SimpleNamespace(arms=arms, measures=["held_out/math", "checkpoint/mmmu_val"])
    assert judge_claim("c", claim, made).verdict == "reproduced"
