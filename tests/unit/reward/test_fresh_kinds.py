"""Kinds of answers from 1,744 rows that were written after the rules: wrong rewards and missing ones.

Covers of `reward`: maths/alike, maths/compare, maths/shape, maths/english_numerals, text/cut, text/question.
"""

import pytest

from r1v3.reward import grade

OPTIONS = ["12", "15", "18", "21"]


def boxed(answer, gold, type="open", question=None, options=None):
    text = rf"<think>So.</think> \boxed{{{answer}}}"
    return grade(text, gold, type, question=question, options=options).correct


def said(text, gold, type="open", options=None):
    return grade(f"<think>So.</think> {text}", gold, type, options=options).correct


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("12", r"\text{12 times}"), ("12", "% 12"), ("12", r"\tag{12}"), ("8", r"\color{white}8"),
     ("8", r"\textcolor{white}{8}"),
     ("1,2,3", "(a) 1, (b) 3, (c) 2"), ("1,2,3", "(i) 3, (ii) 2, (iii) 1"), ("4;-2", "第一空-2，第二空4"),
     ("x^2", "x^3, x \\in R"), ("x>1", "x>1, x\\ne 2"), ("5", "5, x>2"), ("x", "x, x>5"),
     (r"x=k\pi,k\in Z", r"x=2n\pi,n\in Z"), (r"x=k\pi,k\in Z", r"x=n\pi+1,n\in Z"),
     ("(1,2)", r"\vec{i}-2\vec{j}"), ("(1,2)", r"\vec{i}+2\vec{k}"), ("(1,2)", r"2\mathbf{i}+\mathbf{j}"),
     (r"x\ne 0", r"\mathbb{R}\setminus\{1\}"), ("x>1且x≠2", r"(1,3)\cup(3,+\infty)"),
     ("x>1且x≠2", r"(1,+\infty)"),
     (r"\frac23", r"\text{three halves}"), (r"\frac23", r"\text{two and a third}"),
     (r"\frac12", r"\text{half of x}"), ("3", r"\text{one third}"), ("2", r"\text{two seconds squared ago}"),
     ("3 m/s", "3 m/s^2"), ("9 m", r"9 \text{ meters squared}"), ("y1>y2>y3", "y_3>y_2>y_1")],
)  # fmt: skip
def test_what_is_written_otherwise_and_means_otherwise_is_not_paid(gold, answer):
    assert not boxed(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("x^2", r"x^2 \text{ for all } x"), ("x^2", r"x^2, x\in\mathbb{R}"), ("2n-1", r"2n-1\ (n\ge 1)"),
     ("a_n=2n-1", r"a_n=2n-1, n\ge 1"), (r"y=\frac1x", r"y=\frac1x\ (x\ne 0)"), ("12", r"\therefore 12"),
     ("1,2,3", r"\text{(a) }1, \text{(b) }2, \text{(c) }3"), ("1,2,3", "(i) 1, (ii) 2, (iii) 3"),
     ("2;3", "第一空2，第二空3"), (r"x=k\pi,k\in Z", r"x=n\pi, n\in\mathbb{Z}"),
     (r"\{x|x=3k,k\in Z\}", r"\{y\mid y=3m,m\in\mathbb Z\}"), ("(1,2)", r"\mathbf{i}+2\mathbf{j}"),
     ("(1,0,2)", r"\vec{i}+2\vec{k}"), (r"2\hat{i}+3\hat{j}", "(2,3)"),
     (r"\vec{a}+2\vec{b}", r"2\mathbf{b}+\mathbf{a}"), (r"x\ne 0", r"\mathbb{R}\setminus\{0\}"),
     ("x>1且x≠2", r"(1,2)\cup(2,+\infty)"), (r"\emptyset", r"\{\}"), (r"\frac23", r"\text{two thirds}"),
     (r"\frac34", r"\text{three-quarters}"), ("1.5", r"\text{one and a half}"), ("第5", "第五个"),
     ("9.8 m/s^2", r"9.8 \text{ meters per second squared}"), ("45", r"\text{Hence } 45"),
     ("增大", "变大"), ("等于", "相等"), ("y1>y2>y3", "y₁>y₂>y₃")],
)  # fmt: skip
def test_what_is_written_otherwise_and_means_the_same_is_paid(gold, answer):
    assert boxed(answer, gold)


@pytest.mark.parametrize(
    "text",
    [r"\boxed{B\ \text{(wrong)}}", r"\boxed{B（错误）}", r"\boxed{B'}", r"\boxed{B^{\prime}}",
     "B would be right if x were 3.", "The answer is B... or D.", "(B) fails.", "(B) does not hold"],
)  # fmt: skip
def test_a_letter_taken_back_behind_itself_chooses_nothing(text):
    assert not said(text, "B", "mcq", OPTIONS)


@pytest.mark.parametrize(
    "text", [r"\boxed{\text{I choose B}}", "只有B正确。", r"\boxed{B\ (15)}", "B (15)"]
)
def test_a_letter_in_more_dress_is_paid(text):
    assert said(text, "B", "mcq", OPTIONS)


@pytest.mark.parametrize(
    "text",
    [
        "The radius is 12, therefore the area",
        "x=12 and y",
        "共有12个，其中",
        "We must show that it is 12.",
    ],
)
def test_a_statement_that_leads_on_states_nothing(text):
    assert not said(text, "12")


def test_a_sum_in_signs_is_not_worked_out():
    question = r"Find $1+2+\cdots+10$."
    assert boxed("55", "55", question=question)
    assert not boxed(r"\sum_{i=1}^{10} i", "55", question=question)


def test_limits_at_other_places_are_other_equations():
    assert not boxed(r"\lim_{x\to 1}f(x)=1", r"\lim_{x\to 0}f(x)=1")


@pytest.mark.parametrize(
    ("text", "gold", "question"),
    [("There are 6 objects in the picture. Removing 2 leaves 4.", "6", "How many objects are left?"),
     ("There are 7 cubes. Taking away 3 gives 4 cubes.", "7", "How many cubes are left?"),
     ("The ratio is 1:2.", "2", None), ("The ratio is 1:2.", "1", None), ("13-18", "13", None),
     ("The range is 13-18.", "18", None)],
)  # fmt: skip
def test_a_first_sentence_or_a_part_of_a_ratio_does_not_win(text, gold, question):
    assert not grade(f"<think>So.</think> {text}", gold, "open", question=question).correct


def test_a_ratio_is_stated_whole():
    assert said("The ratio is 1:2.", "1:2")


@pytest.mark.parametrize(
    "text",
    ["The sum of the digits of the answer is 6.", "The square of the answer is 6.",
     "The answer to the previous question is 6.", "A possible answer is 6",
     "There were 6 steps in my solution."],
)  # fmt: skip
def test_what_is_said_of_an_answer_is_not_the_answer(text):
    assert not said(text, "6")


@pytest.mark.parametrize(
    "text",
    ["A和C之一", "A, C (D uncertain)", "at least A and C", "the answer excludes A and C",
     "A、C、D中的两个", "One of A and C"],
)  # fmt: skip
def test_letters_that_are_not_all_chosen_are_no_set(text):
    assert not said(text, "AC", "mcq_multi", OPTIONS)


@pytest.mark.parametrize(
    "text",
    [r"\boxed{\text{B (eliminated)}}", "(B) is inconsistent with the figure.", "B... just kidding", "~B",
     "选A还是选B", "The value 15 is too large."],
)  # fmt: skip
def test_a_letter_with_a_predicate_of_its_own_is_not_chosen(text):
    assert not said(text, "B", "mcq", OPTIONS)


@pytest.mark.parametrize(
    ("text", "gold"),
    [("因为6×3=18，所以还要", "C"), ("选项C的值是18，比较选项D可知", "C"),
     ("因为A=12，所以我们需要计算", "A"), ("After simplification: 18 -", "C")],
)  # fmt: skip
def test_a_choice_is_not_read_from_a_sentence_that_breaks_off(text, gold):
    assert not said(text, gold, "mcq", OPTIONS)


def test_a_clause_without_a_verb_behind_a_semicolon_breaks_off():
    assert not said("Now 12 is the number of red balls; the number of blue", "12")


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("2021/3/4", "2021/4/3"), ("2021/3/4", "2021/12"), ("5", "5'"), ("5", r"\bar 5"), ("5", r"\vec{5}"),
     (r"m\ne\pm1", r"m\ne 1"), (r"x\ne1,x\ne2", r"(-\infty,1)\cup(2,\infty)"), ("5;12", "(Ⅱ)5；(Ⅰ)12"),
     ("2mh", "3mg"), (r"\frac{mg}{\cos 60^\circ}", "3mg"), ("7;8", "a) 8; b) 7"), ("7;8", "b) 7; a) 8"),
     ("120", r"5!\ne120"), ("7;8", "a) 7; c) 8")],
)  # fmt: skip
def test_a_sign_or_an_order_that_makes_another_value_is_not_paid(gold, answer):
    assert not boxed(answer, gold, "fill" if ";" in gold else "open")


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("2021-03-04", "2021/3/4"), ("2021-03-04", "2021年3月4日"), (r"m\ne\pm1", r"m\ne1且m\ne-1"),
     (r"x\ne1,x\ne2", r"(-\infty,1)\cup(1,2)\cup(2,\infty)"), ("5;12", "(Ⅰ)5；(Ⅱ)12"),
     ("2;3", "(I) 2; (II) 3"), ("7;8", "a) 7; b) 8"), ("7;8", "1) 7, 2) 8"), ("7;8", "i) 7; ii) 8"),
     ("a) 7; b) 8", "7;8"), ("120", "5!=120"), (r"x\ne3", "x!=3"),
     ("10;20", r"\text{Part 1: } 10; \text{Part 2: } 20"), ("a=2,b=3", r"\begin{matrix}a=2\\b=3\end{matrix}"),
     (r"\frac12\vec{a}+\frac12\vec{b}", r"\frac{\vec a+\vec b}{2}"),
     (r"2\pi\sqrt{\frac{l}{g}}", r"\frac{2\pi\sqrt{lg}}{g}"), (r"\frac{mg}{\cos 60^\circ}", "2mg"),
     ("12", "12组"), ("1234", "1{,}234"), ("12", r"{\huge 12}")],
)  # fmt: skip
def test_a_sign_or_a_name_that_changes_nothing_is_paid(gold, answer):
    assert boxed(answer, gold, "fill" if ";" in gold else "open")


def test_a_letter_chosen_in_words_is_paid():
    assert said(r"\boxed{\text{I choose option B}}", "B", "mcq", OPTIONS)


@pytest.mark.parametrize(
    ("question", "gold", "answer"),
    [("What is half of 46?", "23", "46/2"), ("What is 9 squared?", "81", "9^2"),
     ("Find the sum of 3, 4 and 5.", "12", "3+4+5"),
     ("A train goes 60 km in 2 hours. What is its speed in km/h?", "30", r"\frac{60}{2}")],
)  # fmt: skip
def test_a_computation_with_the_numbers_of_the_question_is_not_worked_out(question, gold, answer):
    assert not boxed(answer, gold, question=question)
    assert boxed(gold, gold, question=question)


def test_a_number_of_other_numbers_than_the_question_has_is_paid():
    assert boxed("24/2", "12", question="How many of the 30 are red?")


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("8 apples", "8 oranges"), ("15 boys", "15 girls"), ("12个苹果", "12个橘子")],
)
def test_a_number_of_other_things_is_not_paid(gold, answer):
    assert not boxed(rf"\text{{{answer}}}", gold)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("8 apples", "8 apple"), ("8 red balls", "8 balls"), ("12个", "12只"), ("12个苹果", "12个"),
     ("8", "8 oranges")],
)  # fmt: skip
def test_a_number_of_the_same_things_is_paid(gold, answer):
    assert boxed(rf"\text{{{answer}}}", gold)


@pytest.mark.parametrize(
    "text", ["可得总数为9，其中男生", "The perimeter is 9 and the area", "First find 9, then find"]
)
def test_a_clause_that_has_only_named_its_subject_breaks_off(text):
    assert not said(text, "9")
