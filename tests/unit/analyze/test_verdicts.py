"""Verdicts follow from an interval and a threshold, and from nothing else."""

import pytest

from r1v3.analyze.effects import Effect
from r1v3.analyze.published import chance, chance_of_parts
from r1v3.analyze.verdicts import judge, lean, needed, settle
from r1v3.recipe.studies import Arithmetic, Difference, Untestable


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
