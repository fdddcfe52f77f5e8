"""Effects over items and seeds, on values worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from r1v3.analyze.studies.effects import (
    mean_effect,
    paired,
    relative_spread,
    single,
    spreads,
    windows,
)


def series(*values) -> pd.Series:
    return pd.Series(values, index=[f"item-{n}" for n in range(len(values))], dtype=float)


def test_a_paired_difference_is_of_the_same_items():
    a, b = series(1, 1, 0, 1), series(0, 1, 0, 0)
    found = paired([a], [b])
    assert found.estimate == 0.5
    assert (found.items, found.seeds, found.seed_spread) == (4, 1, None)


def test_items_in_another_order_or_of_another_set_are_refused():
    with pytest.raises(ValueError, match="same items"):
        paired([series(1, 0)], [series(1, 0, 1)])


def test_the_interval_over_items_has_the_width_of_theory():
    rng = np.random.default_rng(0)
    values = (rng.random((1, 1000)) < 0.3).astype(float)
    found = mean_effect(values)
    theory = np.sqrt(0.3 * 0.7 / 1000)
    assert found.error == pytest.approx(theory, rel=0.08)
    assert found.high - found.low == pytest.approx(2 * 1.96 * theory, rel=0.1)


def test_seeds_that_agree_add_nothing_and_seeds_that_differ_widen_the_interval():
    items = np.tile([0.0, 1.0], 200)
    same = mean_effect(np.stack([items] * 3))
    apart = mean_effect(np.stack([items, np.clip(items + 0.2, 0, 1.2), items - 0.2]))
    assert same.seed_spread == 0
    assert apart.seed_spread == pytest.approx(0.2)
    assert apart.high - apart.low > 2 * (same.high - same.low)
    # Three seeds alone, 0.5, 0.7, 0.3: Student's t at about two degrees of freedom, 4.3 x 0.2 / sqrt(3).
    assert (apart.high - apart.low) / 2 == pytest.approx(4.3 * 0.2 / 3**0.5, rel=0.25)


def test_an_arm_that_all_seeds_share_is_paired_with_every_seed():
    found = paired([series(1, 1), series(1, 0), series(0, 0)], [series(0, 0)])
    assert found.estimate == 0.5
    assert found.seeds == 3
    with pytest.raises(ValueError, match="2 seeds and the other 3"):
        paired([series(1, 1)] * 2, [series(0, 0)] * 3)


def test_a_window_minus_another():
    found = windows([np.full(5, 0.9)], [np.full(5, 0.4)])
    assert found.estimate == pytest.approx(0.5)
    assert found.low == pytest.approx(0.5)


def test_the_spread_of_a_series_is_relative_to_its_mean():
    assert relative_spread(np.array([1.0, 3.0])) == pytest.approx(2**0.5 / 2)
    calm, wild = np.array([1.0, 1.1] * 20), np.array([10.0, 30.0] * 20)
    found = spreads([wild], [calm])
    assert found.low > 0.3
    assert relative_spread(np.zeros(4)) == 0


def test_all_wrong_is_not_certainly_nothing():
    found = single([series(*[0] * 100)])
    # Wilson's upper bound for none of 100: z2 / (n + z2) = 3.84 / 103.84.
    assert (found.low, found.high) == (0.0, pytest.approx(0.037, abs=0.001))
