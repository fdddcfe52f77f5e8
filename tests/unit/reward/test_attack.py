"""Made-up answers: undeserving ones get no reward, right ones do, and the command that shows it.

Covers `reward/attack/`: question, undeserved, honest, rewrite, run; `r1v3 attack`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from r1v3.reward.attack.honest import HONEST
from r1v3.reward.attack.question import read_questions
from r1v3.reward.attack.run import attack, attack_table, judges, make, ours, sample_answers
from r1v3.reward.attack.undeserved import UNDESERVED

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
QUESTIONS = ROOT / "tests/data/attack_questions.jsonl"


@pytest.fixture(scope="module")
def made():
    with QUESTIONS.open(encoding="utf-8") as lines:
        return list(make(read_questions(lines, "questions")))


@pytest.fixture(scope="module")
def judged(made):
    return attack(made, {"ours": ours})


def test_every_generator_makes_answers(made):
    assert {one.kind for one in made if not one.honest} == set(UNDESERVED)
    assert {one.kind for one in made if one.honest} == set(HONEST)
    assert sum(not one.honest for one in made) > 1_500


def test_less_than_a_fifth_of_a_percent_of_undeserved_answers_is_paid(judged):
    table, wrong = judged
    total = next(one for one in table if one.kind == "all undeserved")
    paid = [(one.kind, one.row["gold"], one.row["response"]) for one in wrong if not one.honest]
    assert total.shares["ours"] < 0.002, paid


def test_nearly_all_honest_answers_are_paid(judged):
    table, wrong = judged
    unpaid = [(one.kind, one.row["gold"], one.row["response"]) for one in wrong if one.honest]
    for one in table:
        if one.honest:
            assert one.shares["ours"] >= 0.97, unpaid


def test_a_grader_that_pays_everything_is_shown_to(made):
    table, wrong = attack(made[:200], {"ours": lambda rows: [True] * len(rows)})
    assert table[-2].shares == {"ours": 1.0}
    assert len(wrong) == sum(not one.honest for one in made[:200])
    assert "100.00%" in attack_table(table)


def test_a_sample_is_drawn_by_its_seed(made):
    one, other = sample_answers(made, 5, seed=1), sample_answers(made, 5, seed=1)
    assert one == other != sample_answers(made, 5, seed=2)
    assert len(one) <= 5 * (len(UNDESERVED) + len(HONEST))


def test_graders_are_those_installed():
    assert "ours" in judges()


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "r1v3", "attack", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "workflow"), "PATH": "/usr/bin:/bin"},
        check=False,
    )


def test_the_command_prints_a_line_a_kind(tmp_path):
    done = run(QUESTIONS, "--limit", 20, "--grader", "ours", "--output", tmp_path / "wrong.jsonl")
    assert done.returncode == 0, done.stderr
    assert all(
        kind in done.stdout for kind in [*UNDESERVED, *HONEST, "all undeserved", "all honest"]
    )
    rows = [json.loads(line) for line in (tmp_path / "wrong.jsonl").read_text().splitlines()]
    assert all({"kind", "deserved", "response", "gold"} <= set(row) for row in rows)


def test_mistakes_are_told(tmp_path):
    broken = tmp_path / "questions.jsonl"
    broken.write_text('{"gold": "1"}\n')
    assert "questions.jsonl:1" in run(broken).stderr
    broken.write_text("")
    assert "no question" in run(broken).stderr
    assert "--grader" in run(QUESTIONS, "--grader", "nobody").stderr
