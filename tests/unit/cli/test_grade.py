"""`r1v3 explain` and `r1v3 grade`."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments, text=None):
    return subprocess.run(
        [sys.executable, "-m", "r1v3", *arguments],
        capture_output=True,
        text=True,
        input=text,
        env={"PYTHONPATH": str(ROOT / "workflow"), "PATH": "/usr/bin:/bin"},
        check=False,
    )


def test_explain_shows_the_record_of_one_answer():
    done = run("explain", "--response", r"<think>a</think>\boxed{0.5}", "--gold", r"\frac{1}{2}",
               "--type", "open")  # fmt: skip
    assert done.returncode == 0
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines["format"] == "1"
    assert lines["extracted"] == "0.5"
    assert lines["correct"] == "True"
    assert lines["by"].startswith("rule:")
    assert "reason" in lines


def test_explain_reads_the_response_from_stdin_and_prints_no_control_characters():
    done = run("explain", "--response", "-", "--gold", "B", "--type", "open",
               text="\\boxed{\x1b[31mC" + "x" * 5_000 + "}")  # fmt: skip
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert all(len(line) <= 500 for line in done.stdout.splitlines())


def test_a_file_is_graded_row_by_row_in_order(tmp_path):
    rows = [
        {"id": "a", "question": "?", "options": None, "gold": "12", "response": "\\boxed{12}",
         "type": "open", "subject": "ignored"},
        {"id": 2, "question": "?", "options": ["1", "2"], "gold": "B", "response": "B", "type": "mcq"},
        {"id": "c", "question": "?", "options": None, "gold": ["3", "4"], "response": "\\boxed{4}",
         "type": "fill"},
        {"id": "d", "question": "?", "options": None, "gold": "AC", "response": "<think>A",
         "type": "mcq_multi"},
        {"id": "e", "question": None, "options": None, "gold": "1", "response": "\\boxed{\ud800}",
         "type": "open"},
    ]  # fmt: skip
    source, target = tmp_path / "rows.jsonl", tmp_path / "verdicts.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("grade", str(source), "--output", str(target))
    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert [v["id"] for v in verdicts] == ["a", 2, "c", "d", "e"]
    assert [v["correct"] for v in verdicts] == [True, True, True, False, False]
    assert all(set(v) == {"id", "extracted", "correct", "by", "reason"} for v in verdicts)
    assert verdicts[3]["extracted"] is None


def test_a_bad_row_is_named(tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text('{"id": 1, "gold": "1", "response": "1", "type": "essay"}\n')
    done = run("grade", str(source), "--output", str(tmp_path / "out.jsonl"))
    assert done.returncode != 0
    assert "rows.jsonl:1" in done.stderr
    assert "essay" in done.stderr


def test_rows_are_graded_from_standard_input_to_standard_output():
    done = run("grade", text='{"gold": "7", "response": "\\\\boxed{7}", "type": "open"}\n')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["correct"] is True
