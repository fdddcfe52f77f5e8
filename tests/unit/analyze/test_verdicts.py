"""Verdicts follow from an interval and a threshold, and from nothing else."""

from types import SimpleNamespace

import pandas as pd
import pytest

from r1v3.analyze.effects import Effect
from r1v3.analyze.published import chance, chance_of_parts
from r1v3.analyze.verdicts import judge, lean, needed, settle
from r1v3.recipe.studies import Arithmetic, Audit, Difference, Untestable


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
    one = settle("c", claim(training=True), clear, "points")
    assert (one.verdict, one.leans, one.needs) == ("inconclusive", "for", "3 seeds; there is 1")
    three = settle("c", claim(training=True), found(0.2, 0.15, 0.25, seeds=3), "points")
    assert three.verdict == "reproduced"


def test_what_the_world_was_bound_to_show_is_no_reproduction_but_may_be_contradicted():
    bound = claim(by_construction="each domain has a look")
    assert settle("c", bound, found(0.2, 0.15, 0.25), "points").verdict == "by construction"
    assert settle("c", bound, found(-0.2, -0.25, -0.15), "points").verdict == "contradicted"


def test_an_inconclusive_claim_says_how_many_items_it_would_take():
    # A standard error of 0.01 on 1,000 items; to see 0.02 with 80 % power it must be 0.02 / 2.8.
    verdict = settle("c", claim(), found(0.01, -0.01, 0.03), "points")
    assert verdict.verdict == "inconclusive"
    assert verdict.needs == "1,960 items"


def test_and_seeds_where_these_are_what_varies():
    # Spread 0.1 over seeds: (2.8 x 0.1 / 0.05) squared.
    assert needed("more", 0.02, found(0.05, -0.2, 0.3, seeds=3, spread=0.1)) == "32 seeds"


def test_a_border_that_is_missed_takes_items_by_the_distance_to_it():
    # 0.01 from the border of 0.02 at a standard error of 0.01: (2.8 x 0.01 / 0.01) squared of 1,000.
    assert needed("same", 0.02, found(0.03, 0.01, 0.05)) == "7,840 items"
    assert needed("same", 0.02, found(0.01, -0.01, 0.03)) == "7,840 items"


def test_arithmetic_and_the_untestable_are_settled_without_a_run():
    base = {"says": "a", "section": "4"}
    wrong = Arithmetic(**base, kind="arithmetic", check="77.1 is below 79.0", holds=False)
    assert judge("c", wrong, None).verdict == "contradicted"
    agrees = judge("c", wrong.model_copy(update={"holds": True}), None)
    assert agrees.verdict == "not testable here"  # no run of ours reproduced it
    assert agrees.why.startswith("its own tables agree")
    never = Untestable(**base, kind="untestable", why="it takes 38B")
    assert (judge("c", never, None).verdict, judge("c", never, None).why) == (
        "not testable here",
        "it takes 38B",
    )


class Answers:
    """Evidence of one arm whose answers partly say that the picture cannot be seen."""

    def __init__(self, saying: int, right_of_saying: int, source: str = "files"):
        responses = ["I cannot see the image."] * saying + ["<think>3.</think>"] * 100
        right = [n < right_of_saying for n in range(saying)] + [n < 80 for n in range(100)]
        self.table = pd.DataFrame({"response": responses, "correct": right})
        self.study = SimpleNamespace(arms={"slow": None}, measures=["checkpoint/mmmu_val"])
        evaluation = SimpleNamespace(source=source)
        self.documents = SimpleNamespace(recipe=SimpleNamespace(evaluation=evaluation))

    def verdicts(self, arm, measure, seed):
        return self.table


def test_table_5_is_judged_where_some_answers_say_it():
    said = Audit(says="a", section="6.4", kind="audit", least=0.05)
    worse = judge("c", said, Answers(50, 20))
    assert (worse.verdict, round(worse.estimate, 2)) == ("reproduced", -0.4)
    assert judge("c", said, Answers(50, 45)).verdict == "contradicted"
    assert judge("c", said, Answers(0, 0)).verdict == "not testable here"


def test_only_the_drawn_world_was_built_to_show_anything():
    said = Audit(
        says="a", section="6.4", kind="audit", least=0.05, by_construction="it was drawn so"
    )
    assert judge("c", said, Answers(50, 20, "miniature")).verdict == "by construction"
    assert judge("c", said, Answers(50, 20, "files")).verdict == "reproduced"


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
