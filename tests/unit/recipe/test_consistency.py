"""Names must refer to something in the recipe and its run table, tested one change at a time."""

from pathlib import Path

import pytest

from r1v3.recipe.consistency import mistakes_of_runs
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def project():
    return load_project(ROOT, "tiny")


def mistakes(project, name, **changes):
    """Return the mistakes of a run's entry with these keys changed."""
    run = project.runs[name]
    changed = type(run)(run.name, run.entry.model_copy(update=changes), run.settings)
    return mistakes_of_runs({**project.runs, name: changed}, project.recipe, Path("runs.yaml"))


def test_the_shipped_run_table_has_no_mistake(project):
    assert mistakes_of_runs(project.runs, project.recipe, Path("runs.yaml")) == []


def test_a_start_that_is_no_run_is_named_with_its_file_and_key(project):
    (line,) = mistakes(project, "final", start="rll")
    assert line.startswith("runs.yaml: run final: from: there is no run 'rll'; allowed: base")
    assert line.endswith("did you mean 'rl'?")


def test_only_a_reinforced_run_has_a_selected_checkpoint(project):
    (line,) = mistakes(project, "final", start="cold_start", checkpoint="selected")
    assert line.startswith("runs.yaml: run final: checkpoint: 'selected' needs a run of stage grpo")
    assert "'cold_start' is of stage sft" in line


def test_nothing_is_trained_on_a_set_of_test_instances(project):
    held_out = next(iter(project.recipe.evaluation.held_out.values()))
    (line,) = mistakes(project, "rl", data=held_out)
    assert f"data set '{held_out}' has instances 'test' where 'train' is needed" in line


def test_a_model_of_the_run_table_is_one_of_the_recipe(project):
    (line,) = mistakes(project, "base", model="nobody")
    assert line.startswith("runs.yaml: run base: model: there is no model 'nobody'")
