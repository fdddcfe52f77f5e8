"""Every response occurs once and in order, passes keep the budget, and ranks have similar loads."""

import random

import pytest

from r1v3.train.grpo.passes.episode_rows import plan_rows


def test_without_a_budget_each_rank_takes_its_part_of_the_prompts():
    assert plan_rows([5, 5, 5], [1] * 6, 2, None, 2) == [[slice(0, 2)], [slice(2, 6)]]


def test_a_group_is_cut_and_its_prompt_counted_again():
    # 10 + 4 + 4 fill a pass of 20; the third response starts another with the prompt, 10 + 4
    assert plan_rows([10], [4, 4, 4], 3, 20, 1) == [[slice(0, 2), slice(2, 3)]]


def test_a_response_above_the_budget_is_a_pass_of_its_own():
    assert plan_rows([2, 2], [50, 3], 1, 10, 1) == [[slice(0, 1), slice(1, 2)]]


@pytest.mark.parametrize("world", [1, 2, 3, 8])
@pytest.mark.parametrize("seed", range(5))
def test_any_episode_is_divided_fairly(world, seed):
    draw = random.Random(seed)
    prompts = [draw.randrange(10, 40) for _ in range(20)]
    lengths = [round(16 ** (1 + draw.random())) for _ in range(20 * 8)]
    plan = plan_rows(prompts, lengths, 8, 400, world)
    rows = [row for own in plan for each in own for row in range(each.start, each.stop)]
    assert rows == list(range(len(lengths)))
    for each in (each for own in plan for each in own):
        shown = {row // 8 for row in range(each.start, each.stop)}
        assert sum(lengths[each]) + sum(prompts[n] for n in shown) <= 400
    totals = [sum(sum(lengths[each]) for each in own) for own in plan]
    assert max(totals) - min(totals) <= 2 * max(lengths)
