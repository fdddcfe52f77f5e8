"""DVC shows a change of scores, parameters and curves, without any request to another host."""

import json
import re

import pytest
import yaml

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def changed(recorded, tmp_path):
    """Make a branch with another number of steps and another score."""
    branch = recorded.clone(tmp_path / "branch")
    branch.call("git", "checkout", "--quiet", "-b", "more_steps")
    recipe = branch.folder / "config" / "recipes" / "tiny.yaml"
    content = yaml.safe_load(recipe.read_text())
    content["grpo"]["math"]["steps"] = 7
    recipe.write_text(yaml.safe_dump(content, sort_keys=False))
    summary = branch.folder / "results" / "summary.json"
    summary.write_text(json.dumps({**json.loads(summary.read_text()), "score": 0.75}))
    curves = branch.folder / "results" / "plots" / "grpo.csv"
    curves.write_text(curves.read_text().replace("2,1,1,1,8", "2,0.5,1,1,4"))
    return branch


def test_a_changed_score_shows_between_branches(changed):
    changed.commit("More steps")
    shown = json.loads(changed.dvc("metrics", "diff", "HEAD~1", "more_steps", "--json"))
    assert shown["results/summary.json"]["score"] == {"old": 0.5, "new": 0.75, "diff": 0.25}


def test_a_changed_parameter_shows(changed):
    shown = json.loads(changed.dvc("params", "diff", "--json"))
    key = "grpo.math.steps"
    assert shown["config/recipes/tiny.yaml"][key]["new"] == 7


def test_curves_of_two_states_are_on_one_page_that_asks_nobody_for_anything(changed):
    changed.dvc("plots", "diff", "HEAD")
    page = (changed.folder / "dvc_plots" / "index.html").read_text()
    addresses = set(re.findall(r"https?://[\w./-]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, which nothing opens
    assert 'src="' not in page
    assert "GRPO, reward by step" in page
    assert '"rev": "HEAD"' in page
    assert '"rev": "workspace"' in page


def test_dvc_repro_leaves_what_is_current_and_calls_snakemake_for_what_is_not(changed):
    changed.call("git", "checkout", "--quiet", "config", "results")
    said = changed.dvc("repro", "--dry")
    assert "didn't change, skipping" in said
    table = changed.folder / "config" / "runs.yaml"
    table.write_text(table.read_text() + "\n# another line\n")
    said = changed.dvc("repro", "workflow", "--dry")
    assert "> snakemake --cores all" in said
