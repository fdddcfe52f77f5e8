"""What the rules consider equal, case by case.

Covers rules, grader, `text/normalize`, `text/statements`, and of `maths/`: compare, shape, relations,
quantity, units, unit_table, chinese_numerals.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from r1v3.reward import Grader, grade

ROOT = Path(__file__).resolve().parents[3]
CASES = [
    json.loads(line)
    for line in (ROOT / "tests/data/k12_cases.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture(scope="module")
def grader():
    with Grader(workers=1) as one:
        yield one


def boxed(answer, gold, type="fill", **more):
    return grade(rf"\boxed{{{answer}}}", gold, type, **more)


def test_there_are_enough_k12_cases_of_both_kinds():
    assert len(CASES) >= 150
    assert sum(not case["correct"] for case in CASES) >= 80
    chinese = [
        case
        for case in CASES
        if any("\u4e00" <= c <= "\u9fff" for c in case["gold"] + case["response"])
    ]
    assert len(chinese) >= 60


def test_every_k12_case_is_graded_right(grader):
    wrong = [
        (case["gold"], case["response"], verdict)
        for case, verdict in zip(CASES, grader.grade_many(CASES), strict=True)
        if verdict.correct != case["correct"]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("500", "5 hundred"), ("5 kg", "5 KG"), ("500 cents", "$5"), ("5 dollars", "$5"),
        ("5 Mg", "5 t"), ("max=5", "5"), ("77°F", "25℃"), ("273.15 K", "0℃"), ("273 K", "0^\\circ C"),
        ("12", "十二"), ("-2", "负二"), ("20", "二十"), ("20", "二十个"), ("105", "一百零五"),
        ("35000", "三万五"), ("2024", "二〇二四"), ("3.14", "三点一四"), ("12 m", "十二米"),
        ("2/3", "三分之二"), ("20%", "百分之二十"), ("1.5", "1又1/2"), ("3/2", r"1又\frac{1}{2}"),
        ("3/2", "一又二分之一"), ("四分之二", "二分之一"),
        ("10", "C_5^2"), ("10", r"\mathrm{C}_{5}^{2}"), ("20", "A_5^2"),
    ],
)  # fmt: skip
def test_one_value_may_be_written_in_two_ways(gold, answer):
    assert boxed(answer, gold).correct


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("5", "5 hundred"), ("5 Mg", "5 mg"), ("5 mW", "5 MW"), ("5 cents", "$5"), ("min=5", "max=5"),
        ("最小值=5", "最大值=5"), ("25 K", "25℃"), ("77 K", "77°F"), ("3", "三角形"), ("正数", "负数"),
        ("1", "一次函数"), ("35", "三五"), ("25", "C_5^2"), ("10", "A_5^2"), ("C_2^5", "0"),
    ],
)  # fmt: skip
def test_what_looks_alike_may_differ(gold, answer):
    assert not boxed(answer, gold).correct


def test_one_of_several_accepted_golds_suffices():
    assert boxed("3.429", ["24/7", "3.429"], "open").correct
    assert not boxed("3.5", ["24/7", "3.429"], "open").correct


def test_every_verdict_says_who_decided_and_why():
    verdict = boxed("0.12 m", "12 cm")
    assert (verdict.extracted, verdict.correct, verdict.by) == ("0.12 m", True, "rule:expression")
    assert "12 cm" in verdict.reason
    assert grade("<think>x", "12", "open").by == "rule:unanswered"


def test_what_the_rules_cannot_read_goes_to_algebra():
    matrix = r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"
    verdict = boxed(r"\begin{bmatrix}1&2\\3&4\end{bmatrix}", matrix, "open")
    assert (verdict.correct, verdict.by) == (True, "rule:symbolic")
    verdict = boxed(r"\begin{bmatrix}1&2\\3&5\end{bmatrix}", matrix, "open")
    assert (verdict.correct, verdict.by) == (False, "rule:symbolic")


def test_separate_boxes_answer_separate_blanks():
    response = r"第一空 \boxed{3}。第二空 \boxed{5}。"
    assert grade(response, "3;5", "fill").correct
    assert not grade(response, "5;3", "fill").correct


def test_blanks_keep_their_order_and_solutions_do_not():
    assert not boxed("3, 2", "2, 3", question="长____，宽____").correct
    assert boxed("3, 2", "2, 3", "open", question="解方程").correct


def test_an_unknown_type_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'essay'.*mcq_multi"):
        grade("x", "y", "essay")


def test_rows_are_graded_in_order(grader):
    rows = [{"response": str(i), "gold": "7", "type": "open"} for i in range(20)]
    assert [verdict.correct for verdict in grader.grade_many(rows)] == [i == 7 for i in range(20)]


def test_a_short_answer_costs_few_calls(grader):
    rows = [
        {
            "response": f"<think>{'so ' * 50}</think> \\boxed{{{i % 20}}}",
            "gold": "17",
            "type": "open",
        }
        for i in range(256)
    ] + [
        {
            "response": f"<think>{'so ' * 50}</think> \\boxed{{{'ABCD'[i % 4]}}}",
            "gold": "B",
            "type": "mcq",
        }
        for i in range(256)
    ]
    grader.grade_many(rows)
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        grader.grade_many(rows)
    finally:
        sys.setprofile(None)
    assert calls < 250 * len(rows)  # 167 when this was written


def test_importing_the_grader_loads_neither_torch_nor_sympy():
    code = (
        "import sys, r1v3.reward; print([m for m in ('torch', 'sympy', 'math_verify', 'transformers')"
        " if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "workflow")},
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        (r"\sqrt{3}", r"\sqrt{3} \approx 1.732", True), ("1.732", r"\sqrt{3} \approx 1.732", True),
        (r"12\pi", r"12\pi \approx 37.7", True), ("2/3", r"\frac{2}{3} ≈ 0.667", True),
        (r"12\pi", r"12\pi \approx 30", False), (r"\sqrt{2}", r"\sqrt{3} \approx 1.732", False),
        (r"\sqrt{3}", r"\sqrt{2} \approx 1.732", False), (r"\sqrt{3}", "1.732", False),
    ],
)  # fmt: skip
def test_an_exact_value_may_stand_before_its_rounded_one(gold, answer, right):
    assert boxed(answer, gold).correct is right
