"""About 5,000 answers of all kinds of issue 21, written and judged one by one.

Covers of `reward`: text/question, text/statements, maths/quantity, maths/relations, choice/named.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from r1v3.reward import Grader
from r1v3.reward.text.format import format_reward

ANSWERS = Path(__file__).resolve().parents[2] / "data" / "graded_answers.jsonl"
BY_KIND = defaultdict(list)
for line in ANSWERS.read_text(encoding="utf-8").splitlines():
    answer = json.loads(line)
    BY_KIND[answer["kind"]].append(answer)


@pytest.fixture(scope="module")
def grader():
    with Grader(workers=1) as one:
        yield one


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_every_answer_of_a_kind_is_judged_as_it_was_by_hand(kind, grader):
    answers = BY_KIND[kind]
    rows = [{**one, "response": f"<think>So.</think>\n{one['response']}"} for one in answers]
    for one, row, verdict in zip(answers, rows, grader.grade_many(rows), strict=True):
        assert verdict.correct == one["label"], (one, verdict)
        if "format" in one:
            assert format_reward(row["response"]) == one["format"], one
