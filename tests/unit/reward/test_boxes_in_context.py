r"""What stands around a box or beside an answer counts: `half of \boxed{6}`, `A和C，可能还有D`."""

import pytest

from r1v3.reward import grade

LENGTHS = ["12", "15", "18", "21"]


def paid(answer, gold, type="open", question=None):
    options = LENGTHS if type.startswith("mcq") else None
    return grade(answer, gold, type, options=options, question=question).correct


@pytest.mark.parametrize(
    "answer",
    [r"half of \boxed{6}", r"twice \boxed{6}", r"minus \boxed{6}", r"-\boxed{6}", r"$-\boxed{6}$",
     r"2\cdot\boxed{6}", r"$\boxed{6}+1$", r"$\boxed{6}/2$", r"$\boxed{6}^2$", r"$\sqrt{\boxed{6}}$",
     r"$\frac{1}{\boxed{6}}$", r"$\boxed{6}!$", r"\boxed{6} squared", r"less than \boxed{6}", r"\boxed{6}?",
     r"The wrong answer is \boxed{6}", r"The answer is not \boxed{6}.", r"It is not \boxed{6}",
     r"Don't answer \boxed{6}.", r"Maybe \boxed{6}", r"Is it \boxed{6}?", r"答案不是\boxed{6}",
     r"不是\boxed{6}", r"\boxed{6}? No, 7.", "\\boxed{6}\n\nActually, 7.", r"If the answer is \boxed{6}",
     r"I got \boxed{6} but the answer is 7", r"\boxed{6}. But the answer is 7.", "\\boxed{6}\n答案：7",
     r"\boxed{6}, however the correct answer is 7.", r"\boxed{6}，但答案是7", r"\boxed{6?}",
     "\\boxed{6}\nAnswer: 7", r"Final answer: 7. Ignore \boxed{6}"],
)  # fmt: skip
def test_words_and_signs_around_a_box_make_another_answer(answer):
    assert not paid(answer, "6")


@pytest.mark.parametrize(
    "answer",
    [r"So the answer is \boxed{6}.", r"$2+4=\boxed{6}$", r"- \boxed{6}", r"**\boxed{6}**", r"\boxed{6} cm",
     r"Answer - \boxed{6}", "\\boxed{6}\n\nI hope this helps!", r"\boxed{6} (because 2+4=6)",
     r"Since 7 is too large, \boxed{6}.", r"The answer is not 7, it is \boxed{6}.",
     r"If x were 7 it would fail, so the answer is \boxed{6}.", r"\boxed{6}. The answer is 6.",
     r"\boxed{7}. Wait, that is wrong. \boxed{6}", r"\boxed{6} So the other answer is 7."],
)  # fmt: skip
def test_a_box_in_an_honest_sentence_is_read(answer):
    assert paid(answer, "6")


@pytest.mark.parametrize(
    "answer",
    [r"\boxed{B} but the answer is C", r"\boxed{B}? no, C", r"The wrong answer is \boxed{B}", "15?",
     r"not \boxed{B}", r"Don't choose \boxed{B}", r"不选\boxed{B}", r"\boxed{B}不对", "more than 15",
     r"\boxed{B} is incorrect.", "\\boxed{B}\n答案：C", r"Maybe \boxed{B}", r"\boxed{B}?", "12 and 15",
     "B: 15 or 18", "B, no, C", "In figure B, we see a cat.", "See option B.",
     "选项B是15，而", "(B) 15 is the first candidate, and"],
)  # fmt: skip
def test_an_option_weighed_seen_or_denied_is_not_chosen(answer):
    assert not paid(answer, "B", "mcq")


@pytest.mark.parametrize(
    "answer",
    ["A和C，可能还有D", "A and C, or D", "all but A and C", "A and C cannot both be right", "AC?",
     "maybe A and C", "A and C might be right", "A, C and also D", "A, C as well as D", "A和C以及D",
     "A、C还有D", "A, C, probably B too", "A和C，不确定D", "A, C; D unsure", "A, C...", "A, C, etc.",
     r"\boxed{A/C}", r"\boxed{AC?}", r"I got \boxed{AC} but the answer is AD"],
)  # fmt: skip
def test_several_options_left_open_are_not_chosen(answer):
    assert not paid(answer, "AC", "mcq_multi")


@pytest.mark.parametrize(
    "answer",
    ["The answer is 6/", "6*", r"\boxed{6+}", r"\boxed{6-}", r"\boxed{6^}", r"\boxed{6\div}", r"\boxed{(6}",
     r"\boxed{6\to7}", r"\boxed{6:1}", "two of the answers are 6", "some answers are 6", "one answer is 6",
     "The first answer is 6", "The answer contains 6", "The answer has 6 digits", "Let x = 6.",
     "Assume x = 6.", "We try x = 6", "My friend got 6.", r"\boxed{\not=6}", r"\boxed{2\cdot3=7=6}"],
)  # fmt: skip
def test_a_value_broken_off_supposed_or_one_of_several_is_no_answer(answer):
    assert not paid(answer, "6")


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("f(x)=2x", "F(x)=2x"), ("a_n=2n", "A_n=2n"), ("x=5", r"\bar{x}=5"), (r"\sin A=\frac12",
     r"\sin 2A=\frac12"), ("P(A)=0.5", r"P(\bar A)=0.5"), (r"\pi", "3.14160"), ("-1<x<3", "-1,3"),
     ("-1<x<3", "-1<y<3"), (r"\forall x\in R, x^2>0", r"\exists x\in R, x^2>0"),
     (r"\exists x\in R, x^2\le 0", r"\nexists x\in R, x^2\le 0"), ("x=1,y=2", r"x=1\text{ or }y=2"),
     ("4;-2", "4或-2"), ("23", "{2} {3}"), ("12", "~~12~~"), ("1/3", "-0.333333"), (r"\sqrt2", "-1.414213")],
)  # fmt: skip
def test_another_thing_quantified_joined_or_rounded_otherwise_is_wrong(gold, answer):
    assert not paid(rf"\boxed{{{answer}}}", gold, "fill" if ";" in gold else "open")


@pytest.mark.parametrize(
    "answer",
    [r"The area of the square is $\boxed{12}$", r"The reciprocal is \boxed{12}",
     r"The power is \boxed{12} W", r"It happened \boxed{12} times.", r"She needs \boxed{12} more apples.",
     r"是原来的\boxed{12}倍"],
)  # fmt: skip
def test_words_around_a_box_that_change_nothing_leave_it_right(answer):
    assert paid(answer, "12")


@pytest.mark.parametrize(
    "answer",
    [r"the square of \boxed{12}", r"a multiple of \boxed{12}", r"\boxed{12} times 3", r"\boxed{12} minus 1",
     r"\boxed{12}的倍数", r"\boxed{12} or more"],
)  # fmt: skip
def test_words_around_a_box_that_make_it_another_value_do_not(answer):
    assert not paid(answer, "12")
