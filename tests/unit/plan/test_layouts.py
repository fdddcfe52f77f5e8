"""RL's step in other layouts, computed by the same plan."""

from pathlib import Path

import pytest

from r1v3.plan.costs import load_costs
from r1v3.plan.episode import simulate
from r1v3.plan.layouts import ASLEEP, layouts, layouts_table, overlapped, together
from r1v3.plan.stages import RecipePlan
from r1v3.recipe.load import load_project
from r1v3.recipe.site import load_site

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def given():
    return load_project(ROOT, "paper"), load_site(ROOT), load_costs(ROOT)


def test_operations_and_tokens_are_the_trainers_own_count(given):
    paper, site, costs = given
    plan = RecipePlan(ROOT, paper, site, costs)
    estimate = plan.grpo("rl")
    told, step = estimate.rollouts, together("as the report", plan)
    assert step.seconds == pytest.approx(estimate.step_seconds)
    assert step.tokens == pytest.approx(told.answer_tokens / told.seconds / 32)
    # 40 % of the peak are reached, of which a quarter is computed twice; the rest is moved, or waits
    assert 0.2 < step.mfu < 0.3
    # 1,024 answers of some 1,600 tokens in each of 220 steps
    assert told.answer_tokens / 220 / 1024 == pytest.approx(1600, rel=0.1)


@pytest.mark.slow
def test_overlapped_the_longer_side_counts_and_no_engine_lies_beside_the_trainer(given):
    paper, site, costs = given
    step = overlapped("overlapped", ROOT, paper, site, costs)
    engines = int(step.note[0])
    assert step.note == f"{engines} of 4 nodes sample"
    assert step.seconds == pytest.approx(max(step.generate, step.update) + step.weights)
    trainer = RecipePlan(ROOT, paper, site, costs, nodes=4 - engines).grpo("rl")
    assert step.memory == sum(trainer.parts.values()) - trainer.parts[ASLEEP]
    assert step.fits
    # an engine that is apart has 90 % of its GPUs, not the half that is left beside a trainer
    apart, beside = (
        RecipePlan(ROOT, paper, site, costs, nodes=1, apart=each) for each in (True, False)
    )
    assert (apart.engine_share(), beside.engine_share()) == (0.9, 0.5)
    settings = paper.runs["rl"].grpo
    assert simulate(apart, settings, 8).generate < simulate(beside, settings, 8).generate


def test_one_node_cannot_be_divided(given):
    _, site, costs = given
    step = overlapped("overlapped", ROOT, load_project(ROOT, "8b"), site, costs)
    assert (step.fits, step.note) == (False, "needs two nodes")


@pytest.mark.slow
def test_the_table_has_the_four_layouts_that_people_ask_about(given):
    lines = layouts_table(layouts(ROOT, *given))
    assert [line[:15].strip() for line in lines[1:]] == [
        "as the report",
        "overlapped",
        "8B on one node",
        "1B on one GPU",
    ]
    assert not [line for line in lines if "does not fit" in line]
