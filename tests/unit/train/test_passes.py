"""Every sample occurs once, no pass exceeds the budget, and ranks have equal numbers of passes."""

import random

import pytest

from r1v3.train.sft.passes import plan_passes


def test_without_a_budget_each_rank_takes_its_part_in_order():
    assert plan_passes([5, 1, 9, 2, 2], 2, None) == [[[0, 1]], [[2, 3, 4]]]


def test_the_longest_go_first_and_the_next_where_there_is_room():
    # two bins of at most 10: 7 | 6, then 3 to the emptier one (6), 2 to 7, 1 to either at 9
    assert plan_passes([3, 7, 1, 6, 2], 2, 10) == [[[1, 2, 4]], [[0, 3]]]


def test_a_sample_above_the_budget_is_a_pass_of_its_own_and_never_cut():
    assert plan_passes([30, 4, 4, 4], 1, 10) == [[[0], [1, 3], [2]]]


@pytest.mark.parametrize("world", [1, 2, 3, 8])
@pytest.mark.parametrize("seed", range(5))
def test_any_batch_is_divided_fairly(world, seed):
    draw = random.Random(seed)
    lengths = [round(16 ** (1 + draw.random())) for _ in range(40)]
    plan = plan_passes(lengths, world, 300)
    assert sorted(i for own in plan for each in own for i in each) == list(range(40))
    assert len({len(own) for own in plan}) == 1
    sums = [[sum(lengths[i] for i in each) for each in own] for own in plan]
    assert max(n for own in sums for n in own) <= 300
    totals = [sum(own) for own in sums]
    assert max(totals) - min(totals) <= max(lengths)


def test_fewer_samples_than_ranks_leave_a_pass_empty():
    assert plan_passes([4, 4], 3, 10) == [[[0]], [[1]], [[]]]
