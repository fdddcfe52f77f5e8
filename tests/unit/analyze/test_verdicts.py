"""Verdicts depend only on an interval and a threshold."""

from types import SimpleNamespace

import pandas as pd
import pytest

from r1v3.analyze.studies import checkpoints
from r1v3.analyze.studies.effects import Effect
from r1v3.analyze.studies.published import chance, chance_of_parts
from r1v3.analyze.studies.verdicts import judge_claim, lean, needed, settle_claim
from r1v3.recipe.schema.studies import (
    Arithmetic,
    AuditClaim,
    CorrelationClaim,
    CurveDifference,
    Difference,
    Regret,
    Untestable,
)


def found(estimate, low, high, *, seeds=1, items=1000, error=0.01, spread=None) -> Effect:
    return Effect(estimate, low, high, error, seeds, items, spread)


def claim(direction="more", least=0.02, **changes) -> Difference:
    base = {
        "says": "a",
        "section": "1",
        "kind": "difference",
        "a": "x",
        "b": "y",
        "measure": "study/normal",
    }
    return Difference(**(base | {"direction": direction, "least": least} | changes))


@pytest.mark.parametrize(
    ("direction", "interval", "expected"),
    [
        ("more", (0.05, 0.01, 0.09), "for"),
        ("more", (0.015, 0.01, 0.02), None),  # larger than nothing, smaller than what counts
        ("more", (-0.05, -0.09, -0.01), "against"),
        ("more", (0.0, -0.01, 0.015), "against"),  # whatever it is, it is less than what counts
        ("more", (0.01, -0.03, 0.05), None),
        ("less", (-0.05, -0.09, -0.01), "for"),
        ("less", (0.05, 0.01, 0.09), "against"),
        ("same", (0.0, -0.01, 0.01), "for"),
        ("same", (0.05, 0.03, 0.07), "against"),
        ("same", (0.02, -0.01, 0.05), None),
    ],
)
def test_an_interval_leans_one_way_or_none(direction, interval, expected):
    assert lean(direction, 0.02, found(*interval)) == expected


def test_a_claim_about_training_needs_three_seeds():
    clear = found(0.2, 0.15, 0.25)
    one = settle_claim("c", claim(training=True), clear, "points")
    assert (one.verdict, one.leans, one.needs) == ("inconclusive", "for", "3 seeds; there is 1")
    three = settle_claim("c", claim(training=True), found(0.2, 0.15, 0.25, seeds=3), "points")
    assert three.verdict == "reproduced"


def test_what_the_world_was_bound_to_show_is_no_reproduction_but_may_be_contradicted():
    bound = claim(by_construction="each domain has a look")
    assert settle_claim("c", bound, found(0.2, 0.15, 0.25), "points").verdict == "by construction"
    assert settle_claim("c", bound, found(-0.2, -0.25, -0.15), "points").verdict == "contradicted"


def test_an_inconclusive_claim_says_how_many_items_it_would_take():
    # A standard error of 0.01 on 1,000 items; to see 0.02 with 80 % power it must be 0.02 / 2.8.
    verdict = settle_claim("c", claim(), found(0.01, -0.01, 0.03), "points")
    assert verdict.verdict == "inconclusive"
    assert verdict.needs == "1,960 items"


def test_and_seeds_where_these_are_what_varies():
    # Spread 0.1 over seeds: (2.8 x 0.1 / 0.05) squared.
    assert needed("more", 0.02, found(0.05, -0.2, 0.3, seeds=3, spread=0.1)) == "32 seeds"


def test_a_border_that_is_missed_takes_items_by_the_distance_to_it():
    # 0.01 from the border of 0.02 at a standard error of 0.01: (2.8 x 0.01 / 0.01) squared of 1,000.
    assert needed("same", 0.02, found(0.03, 0.01, 0.05)) == "7,840 items"
    assert needed("same", 0.02, found(0.01, -0.01, 0.03)) == "7,840 items"


def test_an_effect_that_is_sure_and_may_be_too_small_takes_items_by_the_distance_to_what_counts():
    # 0.005 from the border of 0.02 at a standard error of 0.0025: (2.8 x 0.5) squared of 1,000.
    assert needed("more", 0.02, found(0.015, 0.01, 0.02, error=0.0025)) == "1,960 items"
    assert needed("less", 0.02, found(-0.015, -0.02, -0.01, error=0.0025)) == "1,960 items"


def test_a_claim_about_training_says_what_it_lacks_beside_seeds_where_its_items_are_too_few():
    open_ = settle_claim("c", claim(training=True), found(0.01, -0.01, 0.03), "points")
    assert open_.needs == "3 seeds; there is 1; and 1,960 items"
    base = {"says": "a", "section": "1", "kind": "curve", "a": "x", "b": "y", "metric": "reward"}
    curve = CurveDifference(**base, direction="more", least=0.02, training=True)
    assert settle_claim("c", curve, found(0.01, -0.01, 0.03), "reward").needs.endswith(
        "; and 1,960 steps"
    )


class Checkpoints:
    """Evidence as a table of checkpoints, of arms with several seeds."""

    graph = SimpleNamespace(recipe=SimpleNamespace(evaluation=SimpleNamespace(source="miniature")))


def of_checkpoints(monkeypatch, table: pd.DataFrame) -> Checkpoints:
    monkeypatch.setattr(checkpoints, "checkpoint_table", lambda _: table)
    return Checkpoints()


def chosen_well(seeds: int) -> pd.DataFrame:
    """Return eleven arms of two checkpoints.

    Entropy chooses the first checkpoint. The reward chooses the last one, which is 4 points better, or 3
    points for the third seed.
    """
    return pd.DataFrame(
        {
            "arm": f"arm {arm}",
            "seed": seed,
            "run": f"arm {arm}, seed {seed}",
            "step": step,
            "critical words/mean": 1 / step,
            "reward": step / 10,
            "study/normal": 0.5 + (step - 1) * (0.03 if seed == 3 else 0.04) + arm / 100,
        }
        for arm in range(11)
        for seed in range(1, seeds + 1)
        for step in (1, 2)
    )


def test_what_entropy_chooses_is_settled_by_three_seeds(monkeypatch):
    base = {"says": "a", "section": "5.1", "kind": "regret", "measure": "study/normal"}
    asked = Regret(**base, against="reward", least=0.01, training=True)
    one = judge_claim("c", asked, of_checkpoints(monkeypatch, chosen_well(1)))
    assert (one.verdict, one.seeds, one.items) == ("inconclusive", 1, 11)
    three = judge_claim("c", asked, of_checkpoints(monkeypatch, chosen_well(3)))
    assert (three.verdict, three.seeds, three.items) == ("contradicted", 3, 11)
    assert three.estimate == pytest.approx(-0.11 / 3)
    # Three clusters of spread 0.00577 and nothing else: t(2) is 4.303.
    assert three.low == pytest.approx(-0.11 / 3 - 4.303 * 0.01 / 3, abs=1e-5)


def levels_alone(joint: float = 0.0) -> pd.DataFrame:
    """Return eleven arms with three seeds and four checkpoints.

    Entropy and score share the level of a run, and `joint` sets how far they also change together within it.
    """
    within = [0.0, 2.0, 1.0, 3.0], [2.0, 0.0, 3.0, 1.0]
    return pd.DataFrame(
        {
            "arm": f"arm {arm}",
            "seed": seed,
            "run": f"arm {arm}, seed {seed}",
            "step": step,
            "critical words/mean": arm + seed / 9 + 0.1 * within[0][step],
            "study/normal": arm + 0.1 * ((1 - joint) * within[1][step] + joint * within[0][step]),
        }
        for arm in range(11)
        for seed in (1, 2, 3)
        for step in range(4)
    )


def test_a_correlation_of_levels_alone_is_not_reproduced(monkeypatch):
    base = {"says": "a", "section": "5.1", "kind": "correlation", "measure": "study/normal"}
    asked = CorrelationClaim(**base, detrended=False, direction="more", least=0.5, training=True)
    alone = judge_claim("c", asked, of_checkpoints(monkeypatch, levels_alone()))
    assert alone.low > 0.5
    assert (alone.verdict, alone.leans) == ("inconclusive", None)
    assert alone.needs == "another measure, since these are not correlated within runs"
    assert alone.why == "p = 1.000 by permutation within runs"
    both = judge_claim("c", asked, of_checkpoints(monkeypatch, levels_alone(joint=1.0)))
    assert (both.verdict, both.why) == ("reproduced", "p = 0.002 by permutation within runs")


def test_a_correlation_that_points_the_right_way_within_runs_says_how_many_it_would_take(
    monkeypatch,
):
    base = {"says": "a", "section": "5.1", "kind": "correlation", "measure": "study/normal"}
    asked = CorrelationClaim(**base, detrended=False, direction="more", least=0.5)
    found = checkpoints.CheckpointCorrelation(
        "spearman", False, 0.6, 0.1, 0.9, 0.2, 44, 11, beyond=1.4
    )
    monkeypatch.setattr(checkpoints, "correlation", lambda *_, **__: found)
    weak = judge_claim("c", asked, of_checkpoints(monkeypatch, levels_alone()))
    # (2.8 / 1.4) squared of 11.
    assert (weak.verdict, weak.needs) == ("inconclusive", "44 runs")


def test_arithmetic_and_the_untestable_are_settled_without_a_run():
    base = {"says": "a", "section": "4"}
    wrong = Arithmetic(**base, kind="arithmetic", check="77.1 > 79.0")
    assert judge_claim("c", wrong, None).verdict == "contradicted"
    agrees = judge_claim("c", wrong.model_copy(update={"check": "77.1 < 79.0"}), None)
    assert agrees.verdict == "not testable here"  # no run of ours reproduced it
    assert agrees.why.startswith("its own tables agree")
    never = Untestable(**base, kind="untestable", why="it takes 38B")
    assert (judge_claim("c", never, None).verdict, judge_claim("c", never, None).why) == (
        "not testable here",
        "it takes 38B",
    )


class Answers:
    """Evidence of one arm, in which some answers say that the picture cannot be seen."""

    def __init__(self, saying: int, right_of_saying: int, source: str = "files"):
        responses = ["I cannot see the image."] * saying + ["<think>3.</think>"] * 100
        right = [n < right_of_saying for n in range(saying)] + [n < 80 for n in range(100)]
        known = {"response": responses, "correct": right, "cluster": range(len(right))}
        self.table = pd.DataFrame(known)
        self.study = SimpleNamespace(arms={"slow": None}, measures=["checkpoint/mmmu_val"])
        evaluation = SimpleNamespace(source=source)
        self.graph = SimpleNamespace(recipe=SimpleNamespace(evaluation=evaluation))

    def verdicts(self, arm, measure, seed):
        return self.table


def test_table_5_is_judged_where_some_answers_say_it():
    said = AuditClaim(says="a", section="6.4", kind="audit", least=0.05)
    worse = judge_claim("c", said, Answers(50, 20))
    assert (worse.verdict, round(worse.estimate, 2)) == ("reproduced", -0.4)
    assert judge_claim("c", said, Answers(50, 45)).verdict == "contradicted"
    assert judge_claim("c", said, Answers(0, 0)).verdict == "not testable here"


def test_table_5_takes_five_runs_of_an_item_for_one_item():
    said = AuditClaim(says="a", section="6.4", kind="audit", least=0.05)
    few = Answers(20, 10)
    assert judge_claim("c", said, few).verdict == "reproduced"
    few.table["cluster"] //= 5  # twenty answers of four items
    assert judge_claim("c", said, few).verdict == "inconclusive"
    few.table["cluster"] //= 4
    assert judge_claim("c", said, few).why == "the answers of one item alone say it"


def test_only_the_drawn_world_was_built_to_show_anything():
    said = AuditClaim(
        says="a", section="6.4", kind="audit", least=0.05, by_construction="it was drawn so"
    )
    assert judge_claim("c", said, Answers(50, 20, "miniature")).verdict == "by construction"
    assert judge_claim("c", said, Answers(50, 20, "files")).verdict == "reproduced"


def test_the_reports_gain_of_connector_tuning_is_within_chance_unless_the_answers_agree_closely():
    # 76.0 against 74.5 on 900 items: unpaired, sqrt((0.1824 + 0.1900) / 900) = 0.02034; z = 0.74.
    judged = chance(76.0, 74.5, 900)
    assert judged.z[0.0] == pytest.approx(0.737, abs=0.002)
    assert judged.from_correlation > 0.8
    # At correlation 0.9 the variance is a tenth: z = 0.737 / sqrt(0.1) = 2.33.
    assert judged.z[0.9] == pytest.approx(2.33, abs=0.02)


def test_a_large_difference_is_beyond_chance_whatever_the_correlation():
    assert chance(74.5, 65.4, 900).from_correlation == 0


def test_two_shares_far_apart_allow_no_high_correlation():
    judged = chance(90.0, 50.0, 100)
    # The better is right wherever the other is: (0.5 - 0.45) / sqrt(0.09 x 0.25) = 1 / 3.
    assert judged.most == pytest.approx(1 / 3)
    assert judged.z[0.5] is None


def test_table_5_is_of_different_items():
    assert chance_of_parts(77.3, 853, 51.1, 47) == pytest.approx(3.52, abs=0.02)
