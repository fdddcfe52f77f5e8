"""A JSON file of ours that is damaged is named, with what to do."""

import json

import pytest

from r1v3.analyze.results import read_result, read_scores
from r1v3.base.json_file import parse_line, read_json, read_model_json
from r1v3.recipe.outputs.manifest import write_manifest

DAMAGED = [
    b"",
    b"\0" * 50,
    b"\xff\xfe",
    b"[" * 10**5,
    b"[]",
    b"5",
    b"null",
    b'{"a": ',
    b'{"b": 1}',
    b"9" * 5000,
]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: repr(content[:8]))
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=f"{path}: .*damaged.*; delete it, and what made it makes it again"
    ):
        read_json(path, "a")
    if content != b'{"b": 1}':
        with pytest.raises(ValueError, match=f"{path}: .*damaged.*; fetch the model again"):
            read_model_json(path)


def test_a_whole_file_is_read(tmp_path):
    (tmp_path / "x.json").write_text('{"a": "é"}', encoding="utf-8")
    assert read_json(tmp_path / "x.json", "a") == {"a": "é"}


@pytest.mark.parametrize(
    "line", [b'{"a": 1}', b'{"a": \n', b"[1]\n", b"\xff\n", b"[" * 10**5 + b"\n"]
)
def test_half_a_line_and_what_is_no_mapping_hold_nothing(line):
    assert parse_line(line) is None
    assert parse_line(b'{"a": 1}\n') == {"a": 1}


@pytest.mark.parametrize("name", ["config.json", "scores.json"])
@pytest.mark.parametrize("content", DAMAGED[:-3], ids=lambda content: repr(content[:8]))
def test_what_the_report_reads_is_named(tmp_path, name, content):
    config = {
        "kind": "evaluation",
        "name": "x",
        "hash": "0",
        "document": {"benchmarks": [], "held_out": {}},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "scores.json").write_text('{"benchmarks": {}, "held_out": {}}')
    write_manifest(tmp_path / "manifest.json", config=config, files=[], facts={})
    read_result(tmp_path / "manifest.json")
    read_scores(tmp_path / "scores.json")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}: .*damaged.*; delete it"):
        read_scores(tmp_path / "scores.json")
