"""Rows and replies that were once read or scored wrongly, by kind, and reported ones if available."""

import json
import os
from pathlib import Path

import pytest

from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.judge import judge_many, judge_response
from r1v3.reward import Grader

SHARED = Path(os.environ.get("R1V3_CASES", Path(__file__).parents[4] / "shared" / "cases"))
ROWS = SHARED / "evaluation" / "rows.jsonl"
CASES = [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.is_file() else []
FRICTION = "The friction is ( )\n{}. 10 N\n{}. 12 N\n{}. 14 N\n{}. 16 N"


def judged(table, tsv, picture, name, row, response, **more):
    [item] = load_items(table[name], tsv([{"image": picture(), **row}], name))
    return judge_response(item, response, table[name], **more).verdict


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_reported_cases(table, tsv, picture, case):
    found = judged(table, tsv, picture, case["benchmark"], case["row"], case["response"])
    assert (found.correct is True) == case["right"], case["why"]


MMK12 = {"index": "p", "answer": "B", "subject": "physics"}
SAID = [
    ("\\boxed{B. 12 N}", True), ("\\boxed{12 N}", True), ("The answer is option B.", True),
    ("\\boxed{12\\,\\text{N}}", True), ("\\boxed{C. 14 N}", False), ("\\boxed{14 N}", False),
]  # fmt: skip


DRESSES = [
    "{}. ", "{}、", "({}) ", "{}: ", "{}．", "（{}）", "{}) ", "{}.", "**{}.** ", "- {}. ", "${}$. ", "{} ",
    "Option {}: ", "选项{}：",
]  # fmt: skip


@pytest.mark.parametrize(("said", "right"), SAID)
@pytest.mark.parametrize("dress", DRESSES)
def test_mmk12s_options_are_lines_of_its_question(table, tsv, picture, said, right, dress):
    lines = [
        dress.format(letter) + text
        for letter, text in zip("ABCD", ("10 N", "12 N", "14 N", "16 N"))
    ]
    row = MMK12 | {"question": "\n".join(["<image>At point A. The friction is ( )", *lines])}
    found = judged(table, tsv, picture, "mmk12", row, f"<think>\nx\n</think>\n{said}")
    assert found.correct is right


LAYOUTS = [
    "What?\n<A> 10 N\n<B> 12 N\n<C> 14 N\n<D> 16 N", "What?\n[A] 10 N\n[B] 12 N\n[C] 14 N\n[D] 16 N",
    "What?\na) 10 N\nb) 12 N\nc) 14 N\nd) 16 N", "What?\nA - 10 N\nB - 12 N\nC - 14 N\nD - 16 N",
    "What?<br>A. 10 N<br>B. 12 N<br>C. 14 N<br>D. 16 N", "What?\\nA. 10 N\\nB. 12 N\\nC. 14 N\\nD. 16 N",
    "What?\n\\textbf{A.} 10 N\n\\textbf{B.} 12 N\n\\textbf{C.} 14 N\n\\textbf{D.} 16 N",
    "What?\n$\\text{A}$. 10 N\n$\\text{B}$. 12 N\n$\\text{C}$. 14 N\n$\\text{D}$. 16 N",
    "<p>What?</p><p>A. 10 N</p><p>B. 12 N</p><p>C. 14 N</p><p>D. 16 N</p>",
    "What?\nA. 10 N  B. 12 N\nC. 14 N  D. 16 N",
    "What?\n【A】10 N\n【B】12 N\n【C】14 N\n【D】16 N",
    "What?\n<b>A.</b> 10 N\n<b>B.</b> 12 N\n<b>C.</b> 14 N",
]  # fmt: skip


@pytest.mark.parametrize("question", LAYOUTS)
@pytest.mark.parametrize("gold", ["B", "b", "$B$", "B.", "B. 12 N", "（B）"])
def test_mmk12s_options_are_read_in_any_layout(table, tsv, picture, question, gold):
    row = MMK12 | {"question": question, "answer": gold}
    for said, right in (("12 N", True), ("B", True), ("14 N", False)):
        found = judged(table, tsv, picture, "mmk12", row, f"x</think>\\boxed{{{said}}}")
        assert found.correct is right


def test_what_a_question_lists_beside_its_options_is_none_of_them(table, tsv, picture):
    row = MMK12 | {"question": "a) Read it.\nb) Think.\nc) Choose a figure.", "answer": "D"}
    assert judged(table, tsv, picture, "mmk12", row, "x</think>\\boxed{D}").correct


def test_mmk12s_options_may_stand_in_one_line_or_in_the_picture(table, tsv, picture):
    row = MMK12 | {"question": "The friction is ( ) A. 10 N B. 12 N C. 14 N D. 16 N"}
    assert judged(table, tsv, picture, "mmk12", row, "x</think>\\boxed{12 N}").correct
    for question in ("Which figure is right?", "Which figure is right?\nA.\nB.\nC.\nD."):
        row = MMK12 | {"question": question}
        assert judged(table, tsv, picture, "mmk12", row, "x</think>\\boxed{B}").correct


TAGGED = [
    "<answer>{}</answer>", "<answer> ({}) </answer><|im_end|>", "<|begin_of_box|>{}<|end_of_box|>",
    "<CONCLUSION> {} </CONCLUSION>", "<Answer>\n{}\n</Answer>", "<answer>The answer is {}.</answer>",
    "So it is.\n<answer>\\boxed{{{}}}</answer>", "<answer>A or D? No</answer> <answer>{}</answer>",
    "<answer>$\\text{{{}}}$</answer>", "<final_answer>{}</final_answer>", "<response>{}</response>",
    "<result>Option {}</result>", "<ans>{}</ans>", "<|answer|>{}<|/answer|>", "<answer>**{}**</answer>",
    "[ANSWER]{}[/ANSWER]", "<|begin_of_solution|>{}<|end_of_solution|>", "<answer>选{}</answer>",
    "<SUMMARY> A? </SUMMARY>\n<CONCLUSION>The answer is: {}</CONCLUSION>", "<Answer>: {}", "<answer>{}",
    "<final>{}</final>", "<choice>{}</choice>", "<option>{}</option>", "＜answer＞{}＜/answer＞",
    "<|answer_start|>{}<|answer_end|>", "[[{}]]", "Final answer → {}",
]  # fmt: skip
THOUGHTS = [
    "<think>\nx\n</think>\n{}", "◁think▷A or D◁/think▷{}", "<thinking>A</thinking>{}",
    "[THINK]A[/THINK]{}", "<reason>A</reason>{}", "<seed:think>A</seed:think>{}",
    "<|thinking|>A<|/thinking|>{}", "<unused94>thought A<unused95>{}",
    "<|channel|>analysis<|message|>A?<|end|><|start|>assistant<|channel|>final<|message|>{}",
]  # fmt: skip


@pytest.mark.parametrize("thought", THOUGHTS)
@pytest.mark.parametrize("tagged", [*TAGGED, "{}"])
@pytest.mark.parametrize("name", ["visulogic", "phyx_mini_mc"])
def test_an_answer_in_a_models_own_tags_is_an_answer(table, tsv, picture, thought, tagged, name):
    row = {"index": "1", "question": "Choose", "answer": "B", "category": "x"}
    row |= {letter: f"option {letter}" for letter in "ABCD"}
    for letter in "BC":
        response = thought.format(tagged.format(letter))
        found = judged(table, tsv, picture, name, row, response)
        assert (found.extracted, found.correct) == (letter, letter == "B")


@pytest.mark.parametrize(
    ("said", "right"),
    [("<answer>12 cm</answer>", True), ("<|begin_of_box|>13 cm<|end_of_box|>", False),
     ("<answer>$\\frac{24}{2}$ cm</answer>", True), ("\\boxed{11}<answer>12 cm</answer>", True),
     ("<answer></answer>", False)],
)  # fmt: skip
def test_tags_hold_open_answers_too(table, tsv, picture, said, right):
    row = {
        "index": "1",
        "question": "How long?",
        "answer": "12 cm",
        "choices": "[]",
        "category": "x",
    }
    found = judged(table, tsv, picture, "mathvision", row | {"level": "1"}, f"x</think>{said}")
    assert found.correct is right


def test_bare_lines_are_options_only_where_three_follow_each_other(table, tsv, picture):
    two = "A lift and a car.\nA lift rises.\nB waits. Which force acts?"
    row = MMK12 | {"question": two}
    [item] = load_items(table["mmk12"], tsv([{"image": picture(), **row}], "mmk12"))
    assert item.options is None


MATHVERSE = {
    "index": "9", "question": "Answer the question in the image.", "query_cot": "First think",
    "question_for_eval": "AB is 2, then BC is ()\nChoices:\nA:2\nB:2*sqrt(3)\nC:sqrt(3)\nD:2*sqrt(2)",
    "answer": "C", "question_type": "multi-choice", "metadata": "{}",
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "letter"),
    [("\\sqrt{3}", "C"), ("C", "C"), ("2\\sqrt{3}", "B"), ("sqrt(3)", "C"), ("2", "A")],
)
def test_mathverses_options_stand_in_question_for_eval(table, tsv, picture, said, letter):
    found = judged(
        table, tsv, picture, "mathverse_vision_only", MATHVERSE, f"x</think>\\boxed{{{said}}}"
    )
    assert (found.extracted, found.correct) == (letter, letter == "C")


def test_mathverses_judge_sees_the_question_and_the_prompt_does_not(table, tsv, picture):
    path = tsv([{"image": picture(), **MATHVERSE}], "mathverse_vision_only")
    [item] = load_items(table["mathverse_vision_only"], path)
    assert item.question == MATHVERSE["question_for_eval"]
    assert item.prompt == "<image>\nFirst think"
    free = MATHVERSE | {"question_type": "free-form", "question_for_eval": "Find x.", "answer": "3"}
    found = judged(table, tsv, picture, "mathverse_vision_only", free, "x</think>\\boxed{3}")
    assert found.correct


STAR = {"index": "2", "question": "How many?", "category": "c", "l2_category": "d"}


@pytest.mark.parametrize(
    ("options", "gold", "shown"),
    [
        ({"A": "", "B": "Two", "C": "One"}, "B", "B. Two\nC. One"),
        ({"A": "Two", "B": "", "C": "One"}, "C", "A. Two\nC. One"),
        ({"A": "Two", "B": "", "C": "", "D": "One", "E": ""}, "D", "A. Two\nD. One"),
        ({"A": "['Two', 'One']", "B": "", "C": ""}, "B", "A. Two\nB. One"),
        ({"A": "['Two' 'One']", "B": "", "C": ""}, "B", "A. Two\nB. One"),
        ({"A": '["Two", "One"]', "B": ""}, "(b)", "A. Two\nB. One"),
    ],
)
def test_options_keep_their_letters(table, tsv, picture, options, gold, shown):
    path = tsv([{"image": picture(), **STAR, **options, "answer": gold}], "mmstar")
    [item] = load_items(table["mmstar"], path)
    assert f"Options:\n{shown}\nPlease" in item.prompt
    letter = gold.strip("()").upper()
    text = shown.split(f"{letter}. ")[1].split("\n")[0]
    for said in (letter, text):
        found = judge_response(item, f"x</think>\\boxed{{{said}}}", table["mmstar"]).verdict
        assert (found.extracted, found.correct) == (letter, True)


EMPTY = [
    ({"A": "nan", "B": "Two", "C": "One", "D": "nan"}, "B. Two\nC. One"),
    ({"A": "NaN", "B": "Two", "C": "One"}, "B. Two\nC. One"),
    ({"A": "None", "B": "Two", "C": "One", "D": "None"}, "B. Two\nC. One"),
    ({"A": "null", "B": "Two", "C": "One"}, "B. Two\nC. One"),
    ({"A": "<NA>", "B": "Two", "C": "One", "D": "Six"}, "B. Two\nC. One\nD. Six"),
    ({"A": "Six", "B": "Two", "C": "One", "D": "None"}, "A. Six\nB. Two\nC. One\nD. None"),
    ({"A": "N/A", "B": "Two", "C": "One", "D": "-"}, "A. N/A\nB. Two\nC. One\nD. -"),
]


@pytest.mark.parametrize(("options", "shown"), EMPTY)
def test_a_cell_that_was_written_as_empty_is_no_option(table, tsv, picture, options, shown):
    row = STAR | options | {"answer": "C", "hint": "nan"}
    [item] = load_items(table["mmstar"], tsv([{"image": picture(), **row}], "mmstar"))
    assert f"Options:\n{shown}\nPlease" in item.prompt
    assert "nan" not in item.prompt
    for said in ("C", "One"):
        found = judge_response(item, f"x</think>\\boxed{{{said}}}", table["mmstar"]).verdict
        assert (found.extracted, found.correct) == ("C", True)


def test_the_right_option_may_be_the_word_none(table, tsv, picture):
    row = STAR | {"A": "None", "B": "Two", "C": "None", "answer": "A"}
    found = judged(table, tsv, picture, "mmstar", row, "x</think>\\boxed{None}")
    assert (found.extracted, found.correct) == ("A", True)


@pytest.mark.parametrize("options", ["['1', nan, '3']", '["1", NaN, "3"]', "['1', None, '3']"])
def test_a_list_may_hold_an_empty_cell(table, tsv, picture, options):
    row = {
        "index": "1",
        "question": "?",
        "answer": "C",
        "choices": options,
        "category": "x",
        "level": "1",
    }
    [item] = load_items(table["mathvision"], tsv([{"image": picture(), **row}], "mathvision"))
    assert item.options == ("1", "", "3")


CUT = [
    ("We have 3x + 15 = 60, so the answer must be B or", False), ("The answer is B", False),
    ("Therefore \\boxed{B", False), ("<answer>B", False), ("B. y is what we", False),
    ("The answer is B. Let me check this by", True), ("\\boxed{B} and to see this", True),
    ("<answer>B</answer> Because", True), ("", False), ("The answer is B. Wait, but that is not", False),
    ("The answer is B. However, option C", False), ("The answer is B. Actually, the", False),
    ("答案是B。等等，", False), ("答案是B。因为", True), ("**Solution**: B", False), ("<b>B</b>", False),
]  # fmt: skip


@pytest.mark.parametrize(("said", "right"), CUT)
def test_a_cut_answer_counts_only_if_it_was_concluded(table, tsv, picture, said, right):
    row = STAR | {"A": "x", "B": "y", "C": "z", "answer": "B"}
    path = tsv([{"image": picture(), **row}], "mmstar")
    [item] = load_items(table["mmstar"], path)
    response = f"<think>\nx\n</think>\n{said}"
    one = judge_response(item, response, table["mmstar"], cut=True).verdict
    with Grader(workers=1) as grader:
        [many] = judge_many([(item, response)], table["mmstar"], grader, cut=[True])
    assert one.correct is many.verdict.correct is right
    assert (one.by == "rule:cut") is (not right)


def test_a_benchmarks_own_rule_judges_no_reply_that_breaks_off(table, tsv, picture):
    row = {
        "index": "1",
        "question": "Find both.",
        "final_answer": "['2,3']",
        "is_multiple_answer": "True",
    }
    row |= {"source": "OE_MM_maths_en_COMP", "error": "", "unit": "", "answer_type": "Numerical"}
    said = "First we factor it. The roots are 2, 3"
    whole = judged(table, tsv, picture, "olympiadbench", row, "x</think>\\boxed{2, 3}")
    assert whole.correct
    assert not judged(table, tsv, picture, "olympiadbench", row, f"x</think>{said} and").correct
