"""Seeds are twins of runs that depend on the seed; a grid makes many runs of one entry."""

import pytest

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project
from r1v3.recipe.seeds import seeds_on_disk


def with_seeds(checkout, seeds) -> ResultGraph:
    return ResultGraph(load_project(checkout.root, "tiny", seeds=seeds))


def test_one_seed_adds_nothing_and_more_move_no_run_of_the_table(checkout):
    one, three = with_seeds(checkout, 1), with_seeds(checkout, 3)
    assert not [name for name in one.project.runs if "__" in name]
    for name in one.project.runs:
        assert three.run(name).id == one.run(name).id


def test_a_twin_differs_in_its_seed_alone_and_goes_on_from_twins(checkout):
    graph = with_seeds(checkout, 2)
    rl, twin = graph.run("rl").resolved, graph.run("rl__seed2").resolved
    assert {key for key in rl if rl[key] != twin[key]} == {"name", "seed"}
    assert (rl["seed"], twin["seed"]) == (1, 2)
    final = graph.run("final__seed2").resolved
    assert final["start"]["run"] == graph.run("rl__seed2").id
    assert final["data"] == graph.data("multi_domain__seed2").id
    answered = graph.data("multi_domain__seed2").resolved
    assert answered["by"]["run"] == graph.run("rl__seed2").id
    assert final["validation"] == graph.data("multi_domain_validation__seed2").id


def test_models_and_the_cold_start_are_shared_by_all_seeds(checkout):
    runs = with_seeds(checkout, 3).project.runs
    assert {"rl__seed2", "rl__seed3", "sft_math__seed3"} <= set(runs)
    assert not {"base__seed2", "teacher__seed2", "cold_start__seed2"} & set(runs)
    assert runs["rl__seed3"].entry.start == "cold_start"


def test_the_highest_seed_on_disk_is_found(tmp_path):
    assert seeds_on_disk(tmp_path) == 1
    for name in ("rl-0123456789", "rl__seed2-0123456789", "final__seed4-0123456789"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    assert seeds_on_disk(tmp_path) == 4


@pytest.mark.slow
def test_a_grid_is_the_product_of_its_axes_over_keys_of_entry_and_settings(checkout):
    grid = {
        "train": {"all": ["vision_tower", "connector", "llm"], "frozen": ["vision_tower", "llm"]},
        "optimizer.learning_rate": {"high": 1e-3, "low": 1e-4},
        "seed": {"s1": 1, "s2": 2},
    }
    entry = {"like": "rl", "why": "a test", "set": {"steps": 7}, "grid": grid}
    checkout.edit("runs.yaml", lambda table: table.update(factors=entry))
    runs = checkout.graph().project.runs
    made = [name for name in runs if name.startswith("factors")]
    assert len(made) == 8
    assert "factors" not in runs
    one = runs["factors_frozen_low_s2"]
    assert one.settings.train == ["vision_tower", "llm"]
    assert one.settings.optimizer.learning_rate == 1e-4
    assert one.settings.optimizer.betas == runs["rl"].settings.optimizer.betas
    assert (one.settings.steps, one.entry.seed, one.entry.why) == (7, 2, "a test")
    assert len({checkout.graph().run(name).id for name in made}) == 8


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"seed": [1, 2]}, "run factors: grid: labelled values are expected"),
        ({}, "run factors: grid: labelled values are expected"),
        ({"seed": {"s1": "one"}}, "run factors_s1: seed"),
        ({"optimizer.learning_rat": {"a": 1}}, "did you mean 'learning_rate'?"),
    ],
)
def test_a_mistake_in_a_grid_is_told(checkout, grid, said):
    checkout.edit("runs.yaml", lambda table: table.update(factors={"like": "rl", "grid": grid}))
    with pytest.raises(RecipeError) as error:
        checkout.graph()
    assert said in str(error.value)


def test_a_grid_makes_no_name_that_stands_already(checkout):
    entry = {"like": "rl", "grid": {"seed": {"hard": 2}}}
    checkout.edit(
        "runs.yaml", lambda table: table.update(rl_more=entry, rl_more_hard={"like": "rl"})
    )
    with pytest.raises(RecipeError, match="makes 'rl_more_hard', which stands already"):
        checkout.graph()


def test_a_resolved_config_names_a_connector_only_where_it_was_removed(checkout):
    graph = checkout.graph()
    assert "without" not in graph.run("rl").resolved
    assert graph.run("rl_removed_connector").resolved["without"] == ["connector"]
