"""Small files of results with JSON of wrong types are named, with what to do."""

import json

import pytest

from r1v3.recipe.outputs.config_file import folder_named, read_config_file
from r1v3.recipe.outputs.score_file import read_score_file

GOOD = {"benchmarks": {"mmstar": {"mean": 0.5}}, "held_out": {"math": {"accuracy": 1}}}


def test_a_file_of_scores_is_read_whole(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({**GOOD, "missing": {}}))
    assert read_score_file(path) == {**GOOD, "missing": {}}


@pytest.mark.parametrize("section", ["benchmarks", "held_out"])
@pytest.mark.parametrize(
    "held", [5, None, [], {"a": 5}, {"a": {}}, {"a": {"mean": "x", "accuracy": True}}]
)
def test_scores_that_are_none_are_named(tmp_path, section, held):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({**GOOD, section: held}))
    with pytest.raises(ValueError, match=rf"scores\.json: damaged; {section}.*; delete it"):
        read_score_file(path)


@pytest.mark.parametrize("folder", [5, None, [], {}, "", "a\0b"])
def test_a_stable_name_without_a_folder_is_named(tmp_path, folder):
    path = tmp_path / "rl.json"
    path.write_text(json.dumps({"folder": folder}))
    with pytest.raises(ValueError, match=r"rl\.json: damaged; folder is no path; delete it"):
        folder_named(path)


@pytest.mark.parametrize("key", ["kind", "name", "document"])
@pytest.mark.parametrize("held", [5, None, []])
def test_a_config_of_other_types_is_named(tmp_path, key, held):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"kind": "grpo", "name": "rl", "document": {}, key: held}))
    with pytest.raises(ValueError, match=rf"config\.json: damaged; {key} is no "):
        read_config_file(path)
