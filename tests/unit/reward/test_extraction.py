"""Boxes, answer phrases, conclusions and option letters.

Covers `text/`: extract, conclude, boxes, denial; `choice/`: letters, named, options.
"""

import pytest

from r1v3.reward import extract_answer, extract_letters, grade
from r1v3.reward.choice.options import options_in
from r1v3.reward.text.boxes import find_boxes

LENGTHS = ["12 cm", "24 cm", "36 cm", "48 cm"]


def contents(text):
    return [box.content for box in find_boxes(text)]


def test_boxes_are_found_with_their_braces():
    assert contents(r"a \boxed{\frac{3}{4}} b \boxed{\{1,2\}}") == [r"\frac{3}{4}", r"\{1,2\}"]
    assert contents(r"\boxed{\boxed{3}}") == [r"\boxed{3}"]
    assert contents(r"\fbox{x} \boxed 5") == ["x"]
    assert contents(r"\boxed{}") == []
    assert contents(r"$\boxed{28$") == ["28"]
    assert contents(r"so far \boxed{12") == []  # cut off: 12 may be the start of 123


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"\boxed{1}. No: \boxed{2}", "2"),
        (r"\boxed{2}, \boxed{3}", "2, 3"),
        (r"\boxed{2} and \boxed{3}", "2, 3"),
        (r"\boxed{1}" + "\n" + r"\boxed{2}", "2"),
        (r"\boxed{1} Wait, not \boxed{2}", "2"),
        ("The answer is 5.", "5"),
        ("**Answer:** 5", "5"),
        ("所以答案是 5。", "5"),
        ("【答案】5 <eoa>", "5"),
        ("#### 5", "5"),
        ("The answer is 4. Hmm. The answer is 5.", "5"),
        ("5", "5"),
        ("", None),
    ],
)
def test_the_final_answer_is_the_last_box_or_phrase(response, answer):
    assert extract_answer(response) == answer


@pytest.mark.parametrize(
    "text",
    ["(B)", "B.", "**B**", r"\text{B}", r"\boxed{(B)}", "故选B", "故选：B．", "b", "Ｂ", "（Ｂ）",
     "The answer is B because A is too long.", "答案为B", "Answer: (B) 24 cm", "24 cm", "0.24 m",
     r"\boxed{24\,\mathrm{cm}}", "24厘米", "选项B正确", r"{\bf (B)}", r"Answer: \(B\)",
     "(A) 12 cm (B) 24 cm (C) 36 cm (D) 48 cm. The answer is (B)."],
)  # fmt: skip
def test_an_option_may_be_written_in_many_ways(text):
    assert extract_letters(text, LENGTHS) == "B"


@pytest.mark.parametrize(
    "text",
    ["AC", "A、C", "A,C", "C, A", "A and C", "(A)(C)", "ac", "故选AC", r"\boxed{A},\boxed{C}"],
)
def test_several_letters_may_be_chosen(text):
    assert extract_letters(text, LENGTHS) == "AC"


@pytest.mark.parametrize(
    "text",
    ["", "I cannot tell.", "None of the options is right.", "A line has no width.",
     "Both 12 cm and 24 cm are possible, as is 36 cm.", "(A) 12 cm (B) 24 cm (C) 36 cm (D) 48 cm",
     "60 cm", r"\boxed{60}", "It is not B."],
)  # fmt: skip
def test_no_option_is_made_up(text):
    assert extract_letters(text, LENGTHS) is None


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("The answer is A. Wait, that is wrong. The answer is B.", "B"),
        ("The answer is A. Wait, that is wrong. It is B.", "B"),
        ("A is wrong, so the answer is B.", "B"),
        ("B. A is wrong because it is too long.", "B"),
        ("The answer is not B but C.", "C"),
        ("D不对，所以选B", "B"),
        ("选B，因为D不对", "B"),
        ("故选A。不对，应选B。", "B"),
        ("A不是答案，B才是", None),
        ("排除选项B，选C", "C"),
        ("故答案为B，A错误", "B"),
        ("选项A、C错误，B正确", "B"),
        ("The answer isn't A; it's B.", "B"),
        ("Not A, so B", "B"),
        (r"\boxed{A} is wrong. The answer is C.", "C"),
        ("A正确，B错误，C正确，D错误，故选AC", "AC"),
        ("A正确，B错误，C正确，D错误", "AC"),
        (r"\boxed{B} Wait, no, the answer is C.", "C"),
        (r"\boxed{B} Wait, no. Let me check. Yes, the answer is B.", "B"),
        (r"\boxed{B} So the other answer is C.", "B"),
    ],
)
def test_a_correction_counts_as_corrected(text, letters):
    assert extract_letters(text, LENGTHS) == letters


@pytest.mark.parametrize(
    "text",
    ["B is wrong", "B is incorrect.", "(B) is not correct", "B isn't right.", "The answer cannot be B.",
     "I would not choose B", "B不正确", "选项B错误", "不选B", "不能选B", "选B不对", "答案不是B",
     "A and C are wrong"],
)  # fmt: skip
def test_an_option_that_is_denied_is_not_chosen(text):
    assert extract_letters(text, LENGTHS) is None


@pytest.mark.parametrize("text", ["I choose B", "I pick B", "I'd go with B", "I will opt for (B)."])
def test_an_option_may_be_chosen_in_words(text):
    assert extract_letters(text, LENGTHS) == "B"


@pytest.mark.parametrize(
    "text",
    [r"\boxed{\{A,C\}}", r'\boxed{["A","C"]}', r"\boxed{12 cm, 36 cm}", "12 cm 和 36 cm",
     "The answers are 12 cm and 0.36 m."],
)  # fmt: skip
def test_several_options_may_be_a_set_or_their_texts(text):
    assert extract_letters(text, LENGTHS) == "AC"
    assert grade(text, "12 cm, 36 cm", "mcq_multi", options=LENGTHS).correct


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"\boxed{12}. Wait, I made a mistake. The answer is 15.", "15"),
        (r"\boxed{12}. Wait, I made a mistake. The answer is 15 cm.", "15 cm"),
        ("The answer is not 5 but 6.", "6"),
        ("The answer is not 5. It is 6.", "6"),
        ("答案不是5，而是6", "6"),
    ],
)
def test_a_number_may_be_corrected(response, answer):
    assert grade(response, answer, "open").correct
    other = {"15": "12", "15 cm": "12", "12": "15", "6": "5"}[answer]
    assert not grade(response, other, "open").correct


@pytest.mark.parametrize(
    "text",
    ["The answer is not 5.", "答案不是5", "It isn't 5.", "5 is wrong.", "between 4 and 5", "less than 5",
     "The number is more than 5.", "小于5", "So the width is less than $5$."],
)  # fmt: skip
def test_a_number_that_is_denied_or_compared_with_is_not_stated(text):
    assert not grade(text, "5", "open").correct


def test_boxes_that_are_taken_back_answer_no_blanks():
    response = r"\boxed{3}, \boxed{5}. Wait, that is wrong. The answer is 4."
    assert not grade(response, "3;5", "fill").correct
    assert grade(response, "4", "fill").correct


def test_ten_options_reach_to_j():
    options = [str(number) for number in range(10)]
    assert extract_letters("Answer: J", options) == "J"
    assert extract_letters("Answer: J", options[:4]) is None


def test_options_are_found_in_the_question():
    question = "How far? Select from A, B and C. (A) 4cm, (B) 6cm, (C) 8cm."
    assert options_in(question) == ("4cm", "6cm", "8cm")
    assert options_in("求值（ ）\nA. $1$\nB. $2$\nC. $3$\nD. $4$\n") == ("$1$", "$2$", "$3$", "$4$")
    assert options_in("How far is it?") is None
    assert grade("It is 6 cm.", "B", "mcq", question=question).correct


def test_the_gold_may_be_the_text_of_an_option():
    assert grade("B", "24 cm", "mcq", options=LENGTHS).correct
    assert not grade("A", "24 cm", "mcq", options=LENGTHS).correct


def test_a_set_of_letters_must_match_wholly():
    assert grade("AC", "A, C", "mcq_multi").correct
    assert not grade("A", "A, C", "mcq_multi").correct
    assert not grade("A, B, C", "A, C", "mcq_multi").correct


def test_an_option_that_cannot_be_told_may_be_the_answer():
    options = ["True", "False", "Insufficient information"]
    assert extract_letters("There is not enough information to decide.", options) == "C"
