"""The JSON schemas of `r1v3.recipe.json_schema` are current, and each file names and fits its schema."""

import re
from pathlib import Path

import jsonschema
import pytest

from r1v3.plan.json_schema import plan_schemas
from r1v3.recipe.json_schema import FOLDER, json_schemas, schema_text
from r1v3.recipe.layers import read_yaml

ROOT = Path(__file__).parents[3]
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")
SCHEMAS = json_schemas() | plan_schemas()
# The report's numbers, which nobody changes, and Snakemake's own profile.
WITHOUT = ("report.yaml", "config.yaml")
FILES = sorted(
    path
    for folder in ("config", "config/recipes", "slurm")
    for path in (ROOT / folder).glob("*.yaml")
    if path.name not in WITHOUT
)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_in_git_is_the_one_that_the_models_make(name):
    committed = (ROOT / FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert committed == schema_text(SCHEMAS[name]), "`r1v3 schemas` brings it up to date"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_names_its_schema_and_fits_it(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = MODELINE.fullmatch(first)
    assert named, first
    schema = (path.parent / named[1]).resolve()
    assert schema.parent == ROOT / FOLDER
    jsonschema.validate(read_yaml(path), SCHEMAS[schema.stem])


def test_a_misspelt_key_does_not_fit_an_overlay():
    recipe = {"grpo": {"math": {"optimizer": {"learning_rat": 1.0}}}}
    with pytest.raises(jsonschema.ValidationError, match="learning_rat"):
        jsonschema.validate(recipe, SCHEMAS["recipe_overlay"])


def test_a_recipe_without_a_key_is_no_complete_one():
    paper = read_yaml(ROOT / "config/recipes/paper.yaml")
    del paper["entropy"]["threshold"]
    with pytest.raises(jsonschema.ValidationError, match="threshold"):
        jsonschema.validate(paper, SCHEMAS["recipe"])


def test_a_run_may_copy_another_and_nothing_else_unknown():
    jsonschema.validate({"a": {"like": "rl", "set": {"kl": 0.1}}}, SCHEMAS["runs"])
    with pytest.raises(jsonschema.ValidationError, match="likes"):
        jsonschema.validate({"a": {"likes": "rl"}}, SCHEMAS["runs"])


def keys_without_description(schema, path=""):
    if isinstance(schema, list):
        return [found for each in schema for found in keys_without_description(each, path)]
    if not isinstance(schema, dict):
        return []
    own = schema.get("properties", {})
    missing = [f"{path}/{key}" for key, value in own.items() if "description" not in value]
    for key, value in schema.items():
        if key != "description":
            missing += keys_without_description(value, f"{path}/{key}")
    return missing


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_says_what_it_is(name):
    missing = keys_without_description(SCHEMAS[name])
    assert [path for path in missing if path not in ("/properties/site",)] == []
