"""The option that a reply concludes with if it has no box or label, and the words for yes and no."""

import pytest

from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.judge import judge_response
from r1v3.reward import grade

CHOICE = {"index": "1", "question": "Choose", "answer": "C", "category": "x", "l2_category": "d"}
TEXTS = {"A": "one", "B": "two", "C": "three", "D": "four"}

CONCLUDED = [
    "This is exactly the figure which matches option C.",
    "The triangle is black, which corresponds to (C).",
    "So the missing piece is the one which matches option C.", "The value is 3, matching option C.",
    "A triangle follows a square, consistent with option C.", "This aligns with option **C**.",
    "It should be a black circle, as shown in C.", "Hence C matches.", "Option C fits the pattern.",
    "Option C is the only one that fits.", "Only option C satisfies both conditions.", "This leaves C.",
    "Thus, C is the one that continues the pattern.", "This leaves us with option C.", "I'd say C.",
    "Looking at the options, C matches this pattern.", "对应选项C。", "与选项C相符。", "符合的是C选项",
    "只有C选项符合规律。", "因此，问号处应填C。", "问号处应填入选项C", "所以是C", "boxed{C}",
    "\boxed{C}", '{"reasoning": "A is slow", "answer": "C"}', "<boxed>C</boxed>", "<|answer|>C",
    "[Answer]: C", "<box>(C)</box>", "<answer>It grows by one each time, so C.</answer>",
    "<answer>A: no, B: no, C: yes, D: no</answer>", "A ✗\nB ✗\nC ✓\nAnswer: C",
    "The options: A, B, C, D.\nC", "My first guess is A.\nFinal: C", "C\n---", "结论：C",
]  # fmt: skip
NOT_CONCLUDED = [
    "This does not match option C.", "Nothing matches option C.", "It seems to match option C.",
    "The left half matches option C.", "Does it match option C?", "At first it matches option C.",
    "My friend says that it matches option C.", "It may correspond to option C.",
    "This matches option C or D.", "If the dots turn, it matches option C.",
    "Let us check whether it matches option C.", "We rule out what corresponds to option C.",
    "Option C fits half of the pattern.", "Option C fits better than option D.", "Only option C fails.",
    "可能对应选项C。", "排除与选项C相符的", "如果旋转，就是C", "别选C", "有人选C", "Answer: A/C",
    "Answer: C/A", "\\boxed{A/C}", "答案是A或C", "Answer: C | D",
    "(A) and (C)\n\n(A) 1, 6, 7, 8\n(C) 1, 2, 3, 4", "A and C\n\nC. 1, 2, 3",
]  # fmt: skip


def judged(table, tsv, picture, name, row, said):
    [item] = load_items(table[name], tsv([{"image": picture(), **row}], name))
    return judge_response(item, f"<think>\nx\n</think>\n{said}", table[name]).verdict


@pytest.mark.parametrize("name", ["visulogic", "mmstar"])
@pytest.mark.parametrize("said", CONCLUDED)
def test_the_option_that_fits_is_the_answer(table, tsv, picture, name, said):
    texts = TEXTS if name == "mmstar" else {}
    found = judged(table, tsv, picture, name, CHOICE | texts, said)
    assert (found.extracted, found.correct) == ("C", True)


@pytest.mark.parametrize("name", ["visulogic", "mmstar"])
@pytest.mark.parametrize("said", NOT_CONCLUDED)
def test_an_option_that_is_weighed_or_denied_is_not(table, tsv, picture, name, said):
    texts = TEXTS if name == "mmstar" else {}
    assert judged(table, tsv, picture, name, CHOICE | texts, said).correct is not True


ASKED = {
    "index": "VS_map_2_4_1_0",
    "category": "VS",
    "l2-category": "VS_map",
    "question": "Is it larger?",
}
YES = [
    "是", "是。", "是的，左边的更大。", "对", "对的。", "正确", "有的。", "答案：是", "答案是“是”。",
    "最终答案：是", "\\boxed{是}", "\\boxed{\\text{是的}}", "<answer>是</answer>",
    "<|begin_of_box|>是<|end_of_box|>", "没错", "True.", "Answer: True", "\\boxed{True}", "Correct.",
    "Right.", "Yep.", "Y", "Oui", "Yes, there are no gaps.", "答案：**对**",
]  # fmt: skip
NO = [
    "否", "不是", "不是，左边的更小。", "不对", "错误。", "不正确", "没有。", "答案：否", "\\boxed{否}",
    "<answer>否</answer>", "False.", "Answer: False", "Incorrect.", "Wrong", "Nope.", "N", "Non",
    "不，它更小。", "No, the yes-line is shorter.",
]  # fmt: skip
NEITHER = [
    "对不起", "Yes and no", "Yes, but only if it turns.", "是不是？", "是，不过不确定", "Not sure",
    "Right side",
]  # fmt: skip


@pytest.mark.parametrize(("said", "meant"), [*((s, "Yes") for s in YES), *((s, "No") for s in NO)])
def test_yes_and_no_are_said_in_many_words(table, tsv, picture, said, meant):
    for gold in ("Yes", "No"):
        found = judged(table, tsv, picture, "hallusionbench", ASKED | {"answer": gold}, said)
        assert (found.extracted, found.correct) == ("A" if meant == "Yes" else "B", gold == meant)


@pytest.mark.parametrize("said", NEITHER)
def test_what_says_neither_is_no_answer(table, tsv, picture, said):
    for gold in ("Yes", "No"):
        found = judged(table, tsv, picture, "hallusionbench", ASKED | {"answer": gold}, said)
        assert found.correct is False


@pytest.mark.parametrize(
    ("gold", "said", "right"),
    [
        ("Yes", "是", True), ("no", "否", True), ("是", "Yes", True), ("否", "对", False),
        ("Yes", "有", True), ("正确", "True", True), ("错误", "No", True), ("No", "没有", True),
        ("Yes", "没有", False),
        ("NO", "否", False), ("left", "Yes", False), ("right", "Yes", False), ("有", "Yes", False),
        ("negative", "No", False), ("Si", "Yes", False),
    ],
)  # fmt: skip
def test_an_open_answer_of_yes_or_no_has_as_many_words(gold, said, right):
    assert (grade(f"\\boxed{{{said}}}", gold, "open").correct is True) is right


def test_what_is_left_is_the_answer():
    question = "How many objects are there after two are removed?"
    said = "There are 6 objects. Removing 2 leaves 4."
    assert grade(said, "4", "open", question=question).correct
    assert not grade(said, "6", "open", question=question).correct
