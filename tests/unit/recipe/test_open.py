"""The recipes of public data: their licences, the recipes under them, and the separation of their sets."""

from pathlib import Path

import pytest

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project, load_recipe
from r1v3.recipe.schema.data import ListedSource, SourceSet
from r1v3.recipe.tables.licences import admits
from r1v3.recipe.tables.sources import Files, SourceLicence

ROOT = Path(__file__).parents[3]
RECIPES = ("open", "open-1b", "open-8b", "open-8b-lora")
PERMISSIVE = ROOT / "config/overlays/permissive.yaml"


@pytest.mark.parametrize("name", RECIPES)
def test_every_set_comes_from_a_public_source(name):
    project = load_project(ROOT, name)
    for entry in project.recipe.data.values():
        if isinstance(entry, SourceSet):
            assert isinstance(entry.source, ListedSource)
            for each in (*entry.source.entries, *entry.source.instead):
                source = project.sources[each]
                assert not isinstance(source.where, Files), each
                assert source.differs
                assert source.stands_in_for


def test_the_smallest_needs_no_server_and_one_gpu():
    recipe = load_project(ROOT, "open-1b").recipe
    filters = recipe.data["cold_start"].filters
    assert (filters.judge, filters.reward_model, recipe.grading.verifier) == (None, None, None)
    assert (recipe.layout.grpo.nodes, recipe.layout.grpo.gpus) == (1, 1)
    assert recipe.models["base"].id == "OpenGVLab/InternVL3-1B"


def test_what_is_measured_on_is_cut_off_and_training_sets_are_compared_with_it():
    project = load_project(ROOT, "open")
    measured = {
        name
        for name, entry in project.recipe.data.items()
        if isinstance(entry, SourceSet) and entry.source.instances != "train"
    }
    assert measured == set(project.recipe.cleaning.held_out)
    for name, entry in project.recipe.data.items():
        if isinstance(entry, SourceSet) and name not in measured:
            assert entry.contaminated == "drop"


def test_permissive_licences_take_the_place_of_the_others_and_the_config_says_what_is_gone():
    graph = ResultGraph(load_project(ROOT, "open-1b", PERMISSIVE))
    source = graph.data("math_normal").resolved["set"]["source"]
    assert list(source["entries"]) == ["cmm_math", "geometry3k"]
    assert source["ruled_out"] == {"mmk12": "not stated"}
    assert list(graph.data("probe").resolved["set"]["source"]["entries"]) == ["cmm_math_test"]
    plain = ResultGraph(load_project(ROOT, "open-1b"))
    assert "ruled_out" not in plain.data("math_normal").resolved["set"]["source"]


def test_a_set_of_which_no_source_is_left_is_a_mistake_that_names_them(tmp_path):
    overlay = tmp_path / "strict.yaml"
    overlay.write_text(
        "licences: permissive\n"
        "data: {math_normal: {source: {entries: [mmk12, scienceqa], instead: []}}}\n"
    )
    with pytest.raises(RecipeError, match=r"math_normal.*mmk12 .not stated., scienceqa .CC BY-NC"):
        load_project(ROOT, "open-1b", overlay)


@pytest.mark.parametrize(
    ("name", "stated", "permissive"),
    [
        ("MIT", True, True),
        ("Apache-2.0", True, True),
        ("CC BY 4.0", True, True),
        ("CC BY-NC-SA 4.0", True, False),
        ("CC BY-SA 4.0", True, False),
        ("CC BY-ND 4.0", True, False),
        ("all rights reserved", True, False),
        (None, False, False),
    ],
)
def test_a_licence_passes_the_gates_that_it_fits(name, stated, permissive):
    licence = SourceLicence(name=name, training="allowed")
    assert admits("any", licence)
    assert (admits("stated", licence), admits("permissive", licence)) == (stated, permissive)


def test_a_recipe_lies_over_the_recipes_that_it_names_in_their_order(tmp_path):
    for path in (ROOT / "config/recipes").glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "low.yaml").write_text("name: low\nseed: 2\nentropy: {minimum_count: 5}\n")
    (tmp_path / "high.yaml").write_text("name: high\nover: [low]\nseed: 3\n")
    recipe, layers = load_recipe(tmp_path, "high")
    assert (recipe.name, recipe.seed, recipe.entropy.minimum_count) == ("high", 3, 5)
    assert layers.file_of(("entropy", "minimum_count")).name == "low.yaml"
    (tmp_path / "high.yaml").write_text("name: high\nover: [lo]\n")
    with pytest.raises(RecipeError, match=r"over: .*recipe 'lo'"):
        load_recipe(tmp_path, "high")
    (tmp_path / "high.yaml").write_text("name: high\nover: [open-1b]\n")
    with pytest.raises(RecipeError, match="'open-1b' lies over others itself"):
        load_recipe(tmp_path, "high")


def test_two_purposes_never_take_the_same_part_of_a_source(tmp_path):
    overlay = tmp_path / "same.yaml"
    overlay.write_text("data: {probe: {source: {split: validation}}}\n")
    with pytest.raises(
        RecipeError, match=r"probe.*same part of cmm_math_test as 'math_validation'"
    ):
        load_project(ROOT, "open-1b", overlay)
    overlay.write_text("data: {hard_validation: {source: {entries: [virl39k]}}}\n")
    with pytest.raises(RecipeError, match="the same files, cut in different ways"):
        load_project(ROOT, "open-1b", overlay)
