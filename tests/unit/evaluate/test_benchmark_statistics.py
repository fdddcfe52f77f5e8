import numpy as np
import pandas as pd
import pytest

from r1v3.evaluate.scorers import RunScore
from r1v3.evaluate.statistics import (
    compare_paired,
    contrast,
    detectable_difference,
    holm,
    interval,
    majority_is_right,
    mean_parts,
    pass_at_k,
    smallest_effect,
    spread_of_runs,
    wilson,
)

SETTINGS = {"resamples": 2000, "confidence": 0.95, "seed": 3}


def run(values, of=1.0):
    index = [f"{n:03d}" for n in range(len(values))]
    frame = pd.DataFrame({"got": [float(v) for v in values], "of": of}, index=index)
    return RunScore({"accuracy": frame}, ("accuracy",))


def test_the_mean_is_over_runs_and_the_spread_between_them():
    runs = [run([1, 1, 0, 0]), run([1, 1, 1, 0])]
    assert interval(runs, **SETTINGS).mean == 0.625
    assert spread_of_runs(runs) == pytest.approx(0.1767766953)
    assert spread_of_runs(runs[:1]) is None


def test_runs_are_averaged_item_by_item():
    mean = mean_parts([run([1, 0]), run([1, 1])])["accuracy"]
    assert mean["got"].tolist() == [1.0, 0.5]


def test_runs_of_different_items_are_refused():
    with pytest.raises(ValueError, match="same clusters"):
        mean_parts([run([1, 0]), run([1, 0, 1])])


def test_the_interval_of_a_share_is_that_of_the_binomial():
    # 100 items, half right: standard error 0.05, so 95 % reach about 0.098 to each side.
    found = interval([run([1, 0] * 50)], **SETTINGS)
    assert found.low == pytest.approx(0.40, abs=0.02)
    assert found.high == pytest.approx(0.60, abs=0.02)
    assert found.error == pytest.approx(0.05, abs=0.004)


def test_items_that_hang_together_widen_the_interval():
    apart = interval([run([1, 0] * 50)], **SETTINGS)
    together = interval([run([10, 0] * 5, of=10.0)], **SETTINGS)
    assert together.mean == apart.mean == 0.5
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_items_that_are_all_right_are_not_certain():
    # Wilson: 1 / (1 + 1.96^2 / 40) = 0.9124 at 40 of 40.
    found = interval([run([1] * 40)], **SETTINGS)
    assert (found.mean, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.9124, abs=1e-4)
    assert found.error == pytest.approx((41 / 42 * 1 / 42 / 40) ** 0.5)


@pytest.mark.parametrize(
    ("share", "count", "interval"),
    [
        (0.5, 100, (0.4038, 0.5962)),
        (0.9, 10, (0.5958, 0.9821)),
        (0.0, 10, (0.0, 0.2775)),
        (1.0, 10, (0.7225, 1.0)),
    ],
)
def test_wilsons_interval_is_the_textbooks(share, count, interval):
    # As statsmodels' proportion_confint gives it.
    assert wilson(share, count, 0.95) == pytest.approx(interval, abs=1e-4)


def test_the_same_seed_gives_the_same_interval():
    assert interval([run([1, 0, 1])], **SETTINGS) == interval([run([1, 0, 1])], **SETTINGS)


def test_equal_models_do_not_differ():
    found = compare_paired([run([1, 0, 1, 0])], [run([1, 0, 1, 0])], **SETTINGS)
    assert (found.difference, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_five_items_all_better_give_the_sign_test_p():
    # 2 of 2^5 arrangements are as extreme: p = 1/16.
    found = compare_paired([run([1] * 5)], [run([0] * 5)], **SETTINGS)
    assert found.difference == 1.0
    assert found.p == pytest.approx(1 / 16, abs=0.02)


def test_pairing_shows_what_two_intervals_hide():
    # b misses 10 of the 50 items that a has right, and has none that a misses.
    a, b = [1] * 50 + [0] * 50, [1] * 40 + [0] * 60
    found = compare_paired([run(a)], [run(b)], **SETTINGS)
    assert found.difference == pytest.approx(0.1)
    assert found.low > 0
    assert found.p < 0.01
    assert interval([run(b)], **SETTINGS).high > interval([run(a)], **SETTINGS).low


def test_different_questions_are_not_compared():
    with pytest.raises(ValueError, match="same questions"):
        compare_paired([run([1, 0])], [run([1, 0, 1])], **SETTINGS)


def test_holm_multiplies_by_what_is_left_and_stays_in_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_900_items_at_three_quarters_show_differences_of_nearly_six_points():
    # sqrt(0.76 * 0.24 / 900) = 0.01424; times (1.96 + 0.8416) * sqrt(2) = 0.0564.
    error = (0.76 * 0.24 / 900) ** 0.5
    assert detectable_difference(error, correlation=0.0, confidence=0.95) == pytest.approx(
        0.0564, abs=1e-4
    )
    paired = detectable_difference(error, correlation=0.8, confidence=0.95)
    assert paired == pytest.approx(0.0564 * 0.2**0.5, abs=1e-4)


def test_pass_at_k_draws_without_replacement():
    # 2 right of 5: 1 - C(3,2)/C(5,2) = 1 - 3/10.
    assert pass_at_k(2, 5, 1) == pytest.approx(0.4)
    assert pass_at_k(2, 5, 2) == pytest.approx(0.7)
    assert pass_at_k(0, 5, 5) == 0.0
    with pytest.raises(ValueError, match="k must be"):
        pass_at_k(1, 5, 6)


def test_the_majority_votes_by_answer_and_no_answer_is_no_vote():
    assert majority_is_right(["A", "a", "B"], [True, True, False]) == 1.0
    assert majority_is_right(["A", "B"], [True, False]) == 0.5
    assert majority_is_right([None, None, "B"], [False, False, False]) == 0.0
    assert majority_is_right([None], [False]) == 0.0


def test_five_runs_of_an_item_are_one_item():
    """Expect the interval of ten items and not of fifty, if the five answers of each item are equal."""
    right = np.repeat([1.0, 1, 1, 0, 0, 1, 0, 0, 0, 0], 5)
    marked = np.repeat([False] * 5 + [True] * 5, 5)
    item = np.repeat(np.arange(10), 5)
    settings = {"resamples": 4000, "confidence": 0.95, "seed": 1}
    once = contrast(right[::5], marked[::5], item[::5], **settings)
    five = contrast(right, marked, item, **settings)
    taken_for_items = contrast(right, marked, np.arange(50), **settings)
    assert five == once
    assert five.difference == pytest.approx(-0.4)
    assert five.clusters == 10
    assert five.error == pytest.approx(taken_for_items.error * 5**0.5, rel=0.1)
    assert five.p > 0.05 > taken_for_items.p


def test_a_contrast_keeps_an_item_on_both_sides_together():
    """Expect that an item's difficulty cancels out if the item is once marked and once not."""
    right = np.array([1.0, 1, 0, 0, 1, 1, 0, 0])
    marked = np.array([True, False] * 4)
    settings = {"resamples": 500, "confidence": 0.95, "seed": 1}
    found = contrast(right, marked, np.repeat(np.arange(4), 2), **settings)
    assert (found.difference, found.error, found.p) == (0.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="both sides"):
        contrast(right, marked | True, marked, **settings)


def test_a_paired_comparison_says_what_it_can_show():
    a, b = [1, 1, 1, 0] * 25, [1, 1, 0, 0] * 25
    found = compare_paired([run(a)], [run(b)], **SETTINGS)
    # The differences are 1 for a quarter of 100 items: their standard error is sqrt(0.25 * 0.75 / 100).
    assert found.error == pytest.approx(0.0433, rel=0.1)
    assert smallest_effect(0.0433, confidence=0.95) == pytest.approx(0.1213, abs=0.0005)
    certain = compare_paired([run([1] * 20)], [run([0] * 20)], **SETTINGS)
    assert certain.error == pytest.approx(1 / 20**0.5, rel=0.15)
