"""A resolved config is read from `config.json`, in the form that finished results have."""

import json

import pytest

from r1v3.recipe.graph.identity import Node
from r1v3.recipe.outputs.config_file import read_resolved


def test_a_resolved_config_is_read_back_as_it_was_written(tmp_path):
    node = Node("sft", "cold_start", {"seed": 7, "start": "base-0123456789"}, ())
    (tmp_path / "config.json").write_text(json.dumps(node.config))
    assert read_resolved(tmp_path / "config.json") == {"seed": 7, "start": "base-0123456789"}


def test_the_file_of_an_older_result_is_still_read(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"kind": "sft", "name": "a", "hash": "0123456789", "document": {"seed": 7}}')
    assert read_resolved(path) == {"seed": 7}


def test_a_file_without_a_resolved_config_is_named(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"kind": "sft"}')
    with pytest.raises(ValueError, match=r"config\.json: damaged; it has no document"):
        read_resolved(path)
