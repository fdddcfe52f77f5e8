"""Every benchmark is asked exactly as in its golden file; `tests/unit/golden_prompts.py` renews these."""

import json

import pytest
from benchmark_rows import ROWS
from golden_prompts import GOLDEN, PROTOCOLS, ROOT, messages_of, written

from r1v3.recipe.load import load_project


@pytest.fixture(scope="module")
def project():
    return load_project(ROOT, "paper")


@pytest.mark.parametrize("name", ROWS)
def test_the_messages_are_those_of_the_golden_file(project, name):
    path = GOLDEN / f"{name}.json"
    assert path.read_text(encoding="utf-8") == written(name, project), (
        f"{path.name}: what is asked has changed; renew by tests/unit/golden_prompts.py if it is meant"
    )


def test_there_is_a_golden_file_for_each_benchmark_and_no_other(project):
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(project.benchmarks)


@pytest.mark.parametrize("name", ROWS)
def test_a_golden_file_shows_a_question_with_its_pictures_and_never_the_answer(name):
    found = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert found["source"]
    for protocol in PROTOCOLS:
        system, user, reply = found[protocol]["messages"]
        assert system["content"] == [{"text": ["You are a helpful assistant."]}]
        pictures = [part["picture"] for part in user["content"] if "picture" in part]
        assert pictures == list(range(1, ROWS[name].get("pictures", 1) + 1))
        assert reply["content"] == [{"text": ["<think>"]}]
    report, released = (found[protocol]["sampling"] for protocol in PROTOCOLS)
    assert (report["temperature"], report["samples"], released["samples"]) == (1.0, 5, 1)


def test_pictures_are_numbered_where_they_stand():
    turns = messages_of("<|im_start|>human\nSee <image>\nand <image><|im_end|>\n")
    assert turns[0]["content"] == [
        {"text": ["See "]},
        {"picture": 1},
        {"text": ["", "and "]},
        {"picture": 2},
    ]
