"""Studies and claims refer to existing entries, and the runs that they need are planned."""

import pytest

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.arms import common_step, needs, thinking_mode_of
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

MISTAKES = {
    "an arm of an unknown run": (
        "studies.yaml",
        lambda s: s["freeze"]["arms"]["all trained"].update(run="rll"),
        "config/studies.yaml: freeze: arms: all trained: there is no run 'rll'",
    ),
    "a measure of an unknown set": (
        "studies.yaml",
        lambda s: s["freeze"]["measures"].append("study/normall"),
        "config/studies.yaml: freeze: study/normall: there is no part of study 'normall'",
    ),
    "a thinking mode that is none": (
        "studies.yaml",
        lambda s: s["thinking"]["arms"]["NoWait"].update(thinking_mode="nowaits"),
        "config/studies.yaml: thinking: arms: NoWait: there is no thinking mode 'nowaits'",
    ),
    "a kept step of a supervised run": (
        "studies.yaml",
        lambda s: s["tuning"]["arms"]["connector"].update(checkpoint="common"),
        "config/studies.yaml: tuning: arms: connector: checkpoint: 'common' needs a run of stage grpo",
    ),
    "a claim about an arm that is none": (
        "claims.yaml",
        lambda c: c["nothink_is_worse"].update(a="NoThinks"),
        "config/claims.yaml: nothink_is_worse: a: there is no arm 'NoThinks'",
    ),
    "a claim without a threshold": (
        "claims.yaml",
        lambda c: c["nothink_is_worse"].pop("least"),
        "config/claims.yaml: nothink_is_worse: key 'least' is missing",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_line(checkout, name):
    file, change, said = MISTAKES[name]
    checkout.edit(file, change)
    with pytest.raises(RecipeError) as error:
        checkout.graph()
    assert any(line.startswith(said) for line in error.value.lines), error.value.lines


def test_reinforced_arms_are_compared_at_the_last_step_that_all_kept(checkout):
    graph = checkout.graph()
    freeze = graph.project.studies["freeze"]
    assert graph.project.runs["rl"].settings.steps == 100
    assert common_step(graph, freeze) == 50
    assert common_step(checkout.graph("paper"), freeze) == 220
    ends = [node for node in needs(graph, freeze, 1).evaluations if node.resolved["run"]]
    assert {e.resolved["checkpoint"] for e in ends} == {f"step-{n:06d}" for n in (25, 50, 75, 100)}


def test_more_seeds_need_twins_of_every_arm_that_luck_can_change(checkout):
    graph = ResultGraph(load_project(checkout.root, "tiny", seeds=3))
    stages = graph.project.studies["stages"]
    names = sorted(node.name for node in needs(graph, stages, 3).runs)
    assert names == sorted(
        ["base", "cold_start"]
        + [f"{run}{s}" for run in ("rl", "final") for s in ("", "__seed2", "__seed3")]
    )


def test_a_budget_is_named_by_its_place_so_that_both_recipes_have_it(checkout):
    study = checkout.graph().project.studies["budgets"]
    for recipe, smallest, middle, largest in (("tiny", 8, 24, 48), ("paper", 1024, 4096, 16384)):
        graph = checkout.graph(recipe)
        labels = ("smallest", "middle", "largest")
        modes = [thinking_mode_of(graph, study.arms[label]) for label in labels]
        assert modes == [f"cap_{smallest}", f"cap_{middle}", f"cap_{largest}"]


def test_every_table_and_figure_of_the_report_has_a_study_or_a_part_of_the_page(checkout):
    from r1v3.analyze.report.parts import INDEX

    studies = checkout.graph().project.studies
    named = [anchor.removeprefix("study-") for _, _, anchor in INDEX if anchor.startswith("study-")]
    assert set(named) <= set(studies)
    whats = {what for what, _, _ in INDEX}
    assert {f"Table {n}" for n in range(1, 6)} | {f"Figure {n}" for n in range(1, 12)} <= whats


def test_claims_about_training_outnumber_forty_and_fifteen_carry_the_report(checkout):
    claims = checkout.graph().project.claims
    assert len(claims) >= 40
    assert sum(claim.carries for claim in claims.values()) >= 15
