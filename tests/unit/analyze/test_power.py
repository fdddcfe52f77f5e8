"""The power of a claim, against numbers worked out by hand and a slow simulation of the verdict."""

import numpy as np
import pytest

from r1v3.analyze.studies.effects import Effect, mean_effect
from r1v3.analyze.studies.power import (
    Design,
    Rule,
    Spread,
    both_needed,
    detectable,
    detectable_correlation,
    items_needed,
    runs_for_correlation,
    seeds_at,
    seeds_needed,
    settles,
    share_items,
    spread_of,
    verdict_chances,
)
from r1v3.analyze.studies.verdicts import lean

MORE = Rule("more", 0.02)


def simulated(effect: float, rule: Rule, spread: Spread, design: Design, draws: int = 200):
    """Return the shares of draws whose verdict, from a bootstrap interval, is for and against the claim."""
    rng, found = np.random.default_rng(7), []
    for draw in range(draws):
        of_items = rng.normal(0, spread.item, design.items)
        of_seeds = rng.normal(0, spread.seed, (design.seeds, 1))
        measured = mean_effect(effect + of_seeds + of_items, seed=draw)
        found.append(lean(rule.direction, rule.least, measured))
    return found.count("for") / draws, found.count("against") / draws


@pytest.mark.slow
@pytest.mark.parametrize(
    ("effect", "rule", "spread", "design"),
    [
        (0.10, MORE, Spread(0.25, 0.04), Design(40, 1)),
        (0.15, MORE, Spread(0.25, 0.04), Design(40, 3)),
        (0.00, Rule("same", 0.10), Spread(0.2, 0.05), Design(40, 5)),
        (-0.06, Rule("less", 0.05), Spread(0.25, 0.02), Design(40, 4)),
    ],
)
def test_the_chances_are_those_of_a_simulated_judge(effect, rule, spread, design):
    known = verdict_chances(effect, rule, spread, design)
    supports, opposes = simulated(effect, rule, spread, design)
    # 200 draws have a standard error of at most 0.035.
    assert known.supports == pytest.approx(supports, abs=0.09)
    assert known.opposes == pytest.approx(opposes, abs=0.09)


def test_with_one_seed_and_no_spread_between_seeds_it_is_the_textbook_z_test():
    # An effect of 2.8 standard errors (0.5 / sqrt(2500) = 0.01) is seen in 80 % of runs.
    known = verdict_chances(0.028, Rule("more", 0.0), Spread(0.5, 0.0), Design(2500, 1))
    assert known.supports == pytest.approx(0.80, abs=0.002)
    found = detectable(Rule("more", 0.0), Spread(0.5, 0.0), Design(2500, 1))
    assert found == pytest.approx(0.02802, abs=1e-4)


def test_items_are_those_of_the_textbook():
    # No effect is told from 0.02 at 0.02 / 2.8016 = 0.00714: (0.5 / 0.00714) squared.
    assert items_needed(MORE, Spread(0.5, 0.0), Design(1, 1), None) == pytest.approx(4906, abs=2)


def test_the_smallest_numbers_are_the_smallest():
    spread = Spread(0.3, 0.03)
    seeds = seeds_needed(MORE, spread, Design(20_000, 3), 0.05, at_least=3)
    assert seeds is not None
    assert seeds > 3
    assert settles(MORE, spread, Design(20_000, seeds), 0.05)
    assert not settles(MORE, spread, Design(20_000, seeds - 1), 0.05)
    items = items_needed(MORE, spread, Design(1, seeds), 0.05)
    assert items is not None
    assert items <= 20_000
    assert not settles(MORE, spread, Design(items - 1, seeds), 0.05)


def test_items_cannot_mend_seeds_nor_seeds_items_and_both_together_can():
    spread = Spread(0.5, 0.04)
    assert items_needed(MORE, spread, Design(1, 3), None) is None
    assert seeds_needed(MORE, spread, Design(500, 3), None, at_least=3) is None
    both = both_needed(MORE, spread, None, at_least=3)
    assert both is not None
    assert settles(MORE, spread, both, None)


def test_steps_of_each_seed_are_new_where_items_are_the_same():
    steps, items = Spread(0.5, 0.0, steps=True), Spread(0.5, 0.0)
    assert seeds_needed(MORE, steps, Design(500, 1), None, at_least=1) == 10  # 4,906 of 500
    assert seeds_needed(MORE, items, Design(500, 1), None, at_least=1) is None


def test_a_claim_without_a_least_effect_needs_the_size_that_the_report_names():
    bare = Rule("more", 0.0)
    assert items_needed(bare, Spread(0.5, 0.0), Design(1, 1), None) is None
    assert items_needed(bare, Spread(0.5, 0.0), Design(1, 1), 0.05) == pytest.approx(785, abs=2)


def test_no_worse_is_a_border_below_zero():
    rule = Rule("no worse", 0.05)
    # The border is 0.05 below, which is 2.8 standard errors of 0.5 / sqrt(785).
    assert verdict_chances(0.0, rule, Spread(0.5, 0.0), Design(785, 1)).supports == pytest.approx(
        0.8, abs=0.01
    )
    assert verdict_chances(-0.10, rule, Spread(0.5, 0.0), Design(785, 1)).opposes == pytest.approx(
        0.8, abs=0.01
    )


def test_the_spread_is_read_back_from_an_effect_of_several_seeds():
    rng = np.random.default_rng(3)
    drawn = rng.normal(0, 0.4, 4000) + np.array([[0.0], [0.1], [0.2]])
    found = spread_of(mean_effect(drawn), steps=False, seed=0.5)
    assert found.seed == pytest.approx(
        0.1, abs=1e-6
    )  # not the 0.5 that is taken without a measurement
    assert found.item == pytest.approx(0.4, abs=0.03)


def test_an_inconclusive_claim_says_its_seeds_and_that_a_spread_was_assumed():
    wide = Effect(0.10, -0.02, 0.22, 0.05, 3, 10_000, 0.08)
    told = seeds_at(MORE, wide, "points", steps=False, training=True)
    assert int(told) > 3  # a bare number: nothing was assumed
    one = Effect(0.10, 0.08, 0.12, 0.01, 1, 10_000, None)
    assert seeds_at(MORE, one, "points", steps=False, training=True).endswith(
        "at an assumed spread of 4 points between seeds"
    )
    border = Effect(0.02, 0.0, 0.04, 0.01, 3, 10_000, 0.01)
    assert seeds_at(MORE, border, "points", steps=False, training=True).startswith(
        "no number up to"
    )
    assert seeds_at(MORE, one, "tokens", steps=False, training=True).startswith("unknown")


def test_correlations_and_shares_take_what_the_formulas_say():
    # 3 + 1.06 (2.8016 / 0.5493)^2 = 30.6; Wilson's upper end of 0 of n is z^2 / (n + z^2).
    assert runs_for_correlation(0.5, 1.06) == 31
    assert detectable_correlation(31, 1.06) == pytest.approx(0.497, abs=0.002)
    assert detectable_correlation(3, 1.06) == 1.0
    assert share_items(0.02) == 189
