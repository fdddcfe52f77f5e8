"""The table of modes asks one checkpoint in every thinking mode."""

import pytest

pytestmark = pytest.mark.slow


def test_every_way_of_the_recipe_is_an_evaluation_of_its_own(workflow):
    plan = workflow.planned("results/tables/modes.md")
    budgets = 5
    # A benchmark, and the held-out sets.
    assert plan["evaluate"] == plan["score"] == 2 * (5 + 2 * budgets)
    assert plan["modes"] == 1
    workflow.edit("recipes/tiny.yaml", lambda r: r["thinking"].update(budgets=[8, 16]))
    fewer = workflow.planned("results/tables/modes.md")
    assert fewer["evaluate"] == 2 * (5 + 2 * 2)
    assert fewer["sft"] == plan["sft"]  # no budget belongs to a training run


def test_the_table_is_no_part_of_the_core_path(workflow):
    assert "modes" not in workflow.planned()
