"""`r1v3 data check` reports what the stage `prepare` would do with files."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from picture_files import PNG
from typer.testing import CliRunner

from r1v3.cli.app import app
from r1v3.data.check import EXAMPLE
from r1v3.data.prepare import prepare
from r1v3.recipe.graph.configs import SourceDataConfig
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]
BASE = {"answer_type": "fill", "domain": "mathematics", "difficulty": "k12", "language": "en"}
ROW = BASE | {"id": "m0", "question": "How many dots does the die show?", "answer": "6"}
SHORT = {"title": "Mine", "where": "data/mine.jsonl"}


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# A name, what the file holds, and keys of the entry beside title and place.
FILES = {
    "good rows": (lines(ROW, ROW | {"id": "m1", "question": "And how many corners?"}), {}),
    "a row without a field": (lines(ROW, {k: v for k, v in ROW.items() if k != "answer"}), {}),
    "several fields missing": (lines(ROW, {"id": "m1", "question": "Why?"}), {}),
    "an unknown field": (lines(ROW, ROW | {"id": "m1", "colour": "red"}), {}),
    "another name for a field": (
        lines({("problem" if k == "question" else k): v for k, v in ROW.items()}),
        {"rename": {"problem": "question"}},
    ),
    "a field of all rows": (
        lines({k: v for k, v in ROW.items() if k != "language"}),
        {"constants": {"language": "zh"}},
    ),
    "a choice of rows": (
        lines(ROW, ROW | {"id": "m1", "domain": "physics"}),
        {"select": {"domain": "physics"}},
    ),
    "another split": (lines(ROW, ROW | {"id": "m1", "split": "test"}), {}),
    "an id twice": (lines(ROW, ROW | {"question": "Which of these is green?"}), {}),
    "the same question twice": (lines(ROW, ROW | {"id": "m1"}), {}),
    "a licence that forbids": (
        lines(ROW, ROW | {"id": "m1", "licence": "CC BY-ND 4.0"}),
        {"licence": {"name": "MIT", "training": "allowed"}},
    ),
    "too new": (lines(ROW | {"date": "2023"}, ROW | {"id": "m1", "date": "2025-01"}), {}),
    "a broken line": (lines(ROW) + "{\n", {}),
    "a picture that is there, and one that is not": (
        lines(
            ROW | {"images": ["1.png"]},
            ROW | {"id": "m1", "question": "And this one, what?", "images": ["2.png"]},
        ),
        {},
    ),
    "options for a letter": (lines({"source": "x", "licence": "MIT", **EXAMPLE, "images": []}), {}),
    "nothing right": (lines({"id": "m0"}), {}),
    "no row": ("", {}),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Make a checkout whose tiny recipe reads the set `mine` from a user's file."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "config", root / "config")
    (root / "data").mkdir()
    (root / "data/1.png").write_bytes(PNG)
    for recipe in ("paper", "tiny"):
        file = root / f"config/recipes/{recipe}.yaml"
        content = yaml.safe_load(file.read_text())
        content["data"]["mine"] = {
            "kind": "source",
            "source": {"kind": "listed", "entries": ["mine"], "split": "train"}
            | {"instances": "train"},
            "size": 40,
            "stands_in_for": None,
            "before": "2024-01-01",
            "undated": "keep",
            "balance": None,
            "duplicates": "drop",
            "contaminated": None,
        }
        file.write_text(yaml.safe_dump(content, sort_keys=False))
    return root


@pytest.mark.parametrize("name", FILES)
def test_the_check_says_what_prepare_does(checkout, monkeypatch, tmp_path, name):
    text, keys = FILES[name]
    monkeypatch.chdir(checkout)
    table = checkout / "config/sources.yaml"
    original = (ROOT / "config/sources.yaml").read_text()
    table.write_text(original + yaml.safe_dump({"mine": SHORT | keys}))
    (checkout / "data/mine.jsonl").write_text(text)
    resolved = ResultGraph(load_project(Path(), "tiny")).data("mine").resolved
    error, kept = None, 0
    try:
        kept = prepare(SourceDataConfig.model_validate(resolved), tmp_path)["records"]
    except ValueError as raised:
        error = raised
    rejected = tmp_path / "rejected.jsonl"
    refused = [json.loads(line) for line in rejected.read_text().splitlines()]

    for place in ("data/mine.jsonl", "mine"):
        called = CliRunner().invoke(app, ["data", "check", place, "--recipe", "tiny"])
        assert (called.exit_code == 0) == (error is None and not refused), called.output
        if error is not None and not refused:
            assert str(error) == str(called.exception)
            continue
        counts = f"{kept + len(refused)} rows: {kept} right, {len(refused)} refused"
        assert counts in called.output
        for line in refused:
            assert line["where"] in called.output
            assert (line.get("detail") or line["reason"]) in called.output


def test_a_file_that_no_entry_names_is_judged_with_what_an_entry_would_supply(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(lines(ROW))
    called = CliRunner().invoke(app, ["data", "check", str(file), "--root", str(ROOT)])
    assert called.exit_code == 0, called.output
    assert "1 rows: 1 right, 0 refused" in called.output


def test_the_example_is_a_row_that_is_taken(tmp_path):
    shown = CliRunner().invoke(app, ["data", "check", "--example"])
    row = json.loads(shown.output)
    for picture in row["images"]:
        (tmp_path / picture).parent.mkdir(exist_ok=True)
        (tmp_path / picture).write_bytes(PNG)
    (tmp_path / "rows.jsonl").write_text(shown.output)
    arguments = ["data", "check", str(tmp_path / "rows.jsonl"), "--example", "--root", str(ROOT)]
    called = CliRunner().invoke(app, arguments)
    assert called.exit_code == 0, called.output
    record = json.loads(called.output[called.output.index("{") :])
    assert record["question"] == row["question"]
    assert record["answer"] == "B"


def test_all_missing_fields_are_named_at_once(tmp_path):
    (tmp_path / "rows.jsonl").write_text(lines({"id": "m0", "question": "Why?"}))
    arguments = ["data", "check", str(tmp_path / "rows.jsonl"), "--root", str(ROOT)]
    called = CliRunner().invoke(app, arguments)
    assert called.exit_code == 1
    assert "answer, answer_type, domain, difficulty, language" in called.output
