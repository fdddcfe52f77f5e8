"""A method of another paper is one key of a run, and a config has only the keys that it sets."""

import pytest

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.load import load_project
from r1v3.recipe.tables.methods import METHODS
from r1v3.recipe.tables.runs import resolve_runs


@pytest.fixture(scope="module")
def project(request):
    return load_project(request.config.rootpath, "tiny")


def resolve(project, **entry):
    table = {
        "base": {"stage": "model", "model": "base"},
        "run": {"stage": "grpo", "from": "base", "data": "math_normal", "settings": "math"} | entry,
    }
    return resolve_runs(table, project.recipe, "runs.yaml")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_settings_that_differ_from_the_recipes(project, method):
    plain = resolve(project)["run"].grpo.model_dump()
    found = resolve(project, method=method)["run"].grpo.model_dump()
    assert {key for key in found if found[key] != plain.get(key)}
    assert "method" not in found


def test_set_lies_over_the_method_and_the_method_over_the_settings(project):
    run = resolve(project, method="gspo", set={"clip_high": 0.5})["run"].grpo
    assert (run.surrogate.kind, run.clip_low, run.clip_high) == ("gspo", 3e-4, 0.5)
    other = {"surrogate": {"kind": "cispo", "cap": 2.0}}
    assert resolve(project, method="sapo", set=other)["run"].grpo.surrogate.cap == 2.0


def test_dapo_is_its_four_parts(project):
    parts = {}
    for part in ("clip_higher", "dynamic_sampling", "token_mean", "overlong_punish"):
        own = resolve(project, method=part)["run"].grpo.model_dump()
        plain = resolve(project)["run"].grpo.model_dump()
        parts |= {key: value for key, value in own.items() if value != plain[key]}
    dapo = resolve(project, method="dapo")["run"].grpo
    assert dapo == dapo.model_validate(resolve(project)["run"].grpo.model_dump() | parts)
    assert dapo.overlong_buffer == 12  # a fifth of 64 tokens


def test_a_grid_may_vary_the_method(project):
    runs = resolve(project, grid={"method": {"gspo": "gspo", "plain": None}})
    assert runs["run_gspo"].grpo.surrogate.kind == "gspo"
    assert runs["run_plain"].grpo == resolve(project)["run"].grpo


def test_an_unknown_method_is_told_with_those_that_there_are(project):
    with pytest.raises(RecipeError, match=r"run run: method: there is no method 'gsp'.*gspo"):
        resolve(project, method="gsp")


def test_a_key_at_its_default_leaves_the_config_as_it_was_before_the_key(project):
    plain = resolve(project)["run"].grpo
    assert "surrogate" not in plain.model_dump()
    assert "estimator" not in plain.model_dump()["advantage"]
    unset = {"surrogate": None, "mismatch": None, "advantage": {"estimator": "group"}}
    assert (
        resolve(project, set=unset)["run"].grpo.model_dump(exclude_unset=True) == plain.model_dump()
    )
