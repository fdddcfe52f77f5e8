"""Kinds of wrong answers that a rule rewarded, and of right ones that it did not reward (issue 21).

Covers of `maths/`: quantity, relations, compare, shape, precise, algebra, english_numerals; `text/question`.
"""

import pytest

from r1v3.reward import grade


def boxed(answer, gold, type="open", question=None):
    return grade(rf"<think>So.</think> \boxed{{{answer}}}", gold, type, question=question).correct


@pytest.mark.parametrize(
    "words",
    ["12 squared", "12 over seven", "12 minus three", "12 below zero", "12 fewer", "12 halves", "12 or more",
     "12 at most", "12 to the fourth", "12 is wrong", "12 more", "12 factorial", "12 times five",
     "12 and a half",
     "12 percent less", "12 base five", "12 inverse", "12 off", "roughly not 12", "12 maybe", "12以上",
     "12不对",
     "12的一半", "12的相反数", "12倍", "12左右的两倍", "12以下", "12分之一", "12的平方根", "非12", "12错",
     "12负", "12或13",
     "12加三", "12除以二"],
)  # fmt: skip
def test_a_word_that_is_no_counter_makes_another_answer(words):
    assert not boxed(rf"\text{{{words}}}", "12")
    assert not boxed(words, "12", "fill")


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("12 cm", "12 dogs"), ("5 days", "5 apples"), ("12 kg", "12 widgets"), ("3 m", "3 students"),
     ("7 N", "7 blorbs"), ("12厘米", "12个"), ("5 hours", "5 kg"), ("30^\\circ", "30 cats"), ("12%",
     "12 boxes")],
)  # fmt: skip
def test_another_thing_is_another_quantity(gold, answer):
    assert not boxed(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("AAS", "ASA"), ("DNA", "AND"), ("dog", "god"), ("B, D, A", "D, B, A"), ("ABC", "CBA"), ("tea", "eat"),
     ("no", "on"), ("\\text{SAS}", "\\text{ASS}"), ("甲, 乙, 丙", "乙, 甲, 丙"), ("red, blue", "blue, red"),
     ("CO", "Co"), ("CoCl2", "COCl2"), ("NO", "No")],
)  # fmt: skip
def test_letters_of_words_keep_their_order_and_formulas_their_case(gold, answer):
    assert not boxed(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("23", "2 3"), ("2 3", "23"), ("23", r"2\quad 3"), ("123", "1 2 3"), ("23", r"2\;3"), 
     ("23", r"2\text{ }3"), ("2 \\frac34", "\\frac{23}{4}")],
)  # fmt: skip
def test_blanks_between_digits_part_numbers(gold, answer):
    assert not boxed(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("f(x)=2x", "f'(x)=2x"), ("a_n=2n", "a_{n+1}=2n"), ("a_n=2n", "S_n=2n"), (r"\sin A=\frac12",
     r"\cos A=\frac12"),
     ("S_5=9", "a_5=9"), ("P(A)=0.5", "P(B)=0.5"), ("E_k=5 J", "E_p=5 J"), ("f(2)=3", "f(3)=3"), ("a_5=9",
     "a_4=9"),
     ("f^{-1}(x)=2x", "f(x)=2x"), ("x+y=5", "x-y=5"), ("面积=5", "周长=5"), ("v_x=3", "v_y=3"),
     ("f(x)=x^2", "g(x)=x^2"),
     ("b_n=2^n", "a_n=2^n"), (r"\angle A=30^\circ", r"\angle B=30^\circ"), ("x=2", "y=2")],
)  # fmt: skip
def test_a_formula_for_another_thing_is_another_answer(gold, answer):
    assert not boxed(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("2^{-7000}", "2^{-7001}"), ("10^{10}", r"\sqrt{10^{20}+1}"), (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
     (r"\frac{1}{3^{8000}}", r"\frac{1}{2^{8000}}"), ("1", r"\cos(10^{-6})"), ("x+10^9", "x+10^9+1"), ("0",
     "10^{-400}"),
     ("e^{-1000}", "e^{-1001}"), (r"10^{-300}", r"2\cdot10^{-300}"), ("1", r"1-10^{-15}"), ("2^{200000}",
     "2^{200001}"),
     (r"\sqrt{10^{30}}", r"\sqrt{10^{30}+10}"), ("3^{99999}", "3^{99998}")],
)  # fmt: skip
def test_a_small_difference_is_a_difference(gold, answer):
    assert not boxed(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("2023-05-06", "2023-06-05"), ("5/6/2023", "6/5/2023"), ("12", "15=12"), ("12", r"12\ldots"), ("12",
     r"\phantom{12}"),
     ("0.5", r"0.5\%"), ("12", "1\x002"), ("12", "\ud80012"), ("12", "\u202e21"), ("12", r"\cancel{12}"),
     ("12", r"\text{not }12"), ("12", r"3\cdot 5=12"), ("12", r"\hphantom{12}"), ("1,2", r"1,2,\ldots"),
     ("12", "12?3"),
     ("2", "12>2"), (r"\frac12", "0.5\\%"), ("12", r"\sout{12}"), ("12", r"\neg 12"), ("2023年5月6日",
     "2023年6月5日")],
)  # fmt: skip
def test_dates_false_equations_and_what_is_not_printed(gold, answer):
    assert not boxed(answer, gold)


RESTATED = [
    (
        r"What is $\frac{-5}{9}\cdot \frac{8}{17}$?",
        r"-\frac{40}{153}",
        r"\frac{-5}{9}\cdot \frac{8}{17}",
    ),
    (r"Simplify $\frac{8}{22}$.", r"\frac{4}{11}", r"\frac{8}{22}"),
    (r"Evaluate $\sum_{k=1}^{100}k$.", "5050", r"\sum_{k=1}^{100}k"),
    (r"Compute $\sqrt{144}+2^3$.", "20", r"\sqrt{144}+2^3"),
    (r"Expand $(x+1)(x-1)$.", "x^2-1", "(x+1)(x-1)"),
    ("计算 $3\\times 7 - 1$ 的值", "20", r"3\times 7 - 1"),
    (r"Solve $2x+6=10$ for $x$.", "x=2", "2x+6=10"),
    ("How many centimetres are 0.12 m?", "12 cm", "0.12 m"),
]


@pytest.mark.parametrize(("question", "gold", "answer"), RESTATED)
def test_an_expression_of_the_question_is_no_answer(question, gold, answer):
    assert not boxed(answer, gold, question=question)
    assert not grade(question, gold, "open", question=question).correct
    assert not grade(f"The answer is ${answer}$.", gold, "open", question=question).correct
    assert boxed(gold, gold, question=question)


def test_the_form_that_a_question_asks_for_may_stand_in_it():
    assert boxed(
        "(x+1)(x-1)", "(x+1)(x-1)", question="Is $x^2-1$ equal to $(x+1)(x-1)$ or to $(x-1)^2$?"
    )
    assert boxed(
        "12 cm", "12", question="The sides are 5 cm and 12 cm. How long is the longer one?"
    )


def test_the_list_of_options_is_no_choice():
    question = "How many? (A) 9, (B) 6, (C) 3, (D) 1, (E) None"
    echo = "how many? ( a ) 9, ( b ) 6, ( c ) 3, ( d ) 1, ( e ) none. answer :"
    for gold in "ABCDE":
        assert not grade(echo, gold, "mcq", question=question).correct
    assert grade("(B) 6", "B", "mcq", question=question).correct


@pytest.mark.parametrize(
    ("gold", "answer"),
    [(r"\frac12", r"\sin 30^\circ"), ("0.5", r"\cos 60^{\circ}"), (r"\tan 15^\circ", r"2-\sqrt3"),
     (r"\frac{v}{2}", r"v\cos 60^\circ"), (r"F\cos 30^\circ", r"F\sin 60^\circ"), (r"\frac{\sqrt3}{2}",
     r"\sin 60°"),
     (r"\sqrt3", r"\tan 60^{\circ}"), (r"2\sin 20^\circ\cos 20^\circ", r"\sin 40^\circ"), ("1",
     r"2\sin 30^\circ")],
)  # fmt: skip
def test_a_degree_sign_belongs_to_the_angle(gold, answer):
    assert boxed(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [(r"v=\sqrt{\frac{2E}{m}}", r"v=\frac{\sqrt{2Em}}{m}"), (r"\frac{1}{\sqrt{n}}", r"\sqrt{\frac1n}"),
     (r"a^{\frac12}b^{-\frac12}", r"\sqrt{\frac{a}{b}}"), (r"\ln\frac{a}{b}", r"\ln a-\ln b"),
     (r"\frac{1}{B}\sqrt{\frac{2mU}{q}}", r"\sqrt{\frac{2mU}{qB^2}}"), (r"\sqrt{ab}", r"\sqrt a\sqrt b"),
     (r"\ln(xy)", r"\ln x+\ln y"), (r"2\pi\sqrt{\frac{l}{g}}", r"\frac{2\pi\sqrt{l g}}{g}"),
     (r"\log_2(xy)", r"\log_2 x+\log_2 y"), (r"2\ln x", r"\ln x^2")],
)  # fmt: skip
def test_roots_and_logarithms_of_symbols_agree_where_both_are_real(gold, answer):
    assert boxed(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer"), [("x", r"\sqrt{x^2}"), ("|a|", "a"), (r"\sqrt{a+b}", r"\sqrt a+\sqrt b"),
    (r"\ln(a+b)", r"\ln a+\ln b")]
)  # fmt: skip
def test_roots_that_differ_stay_different(gold, answer):
    assert not boxed(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer", "type"),
    [("a<b<c", "c>b>a", "open"), (r"f(1)<f(2)<f(\frac12)", "f(0.5)>f(2)>f(1)", "open"), ("b<a<c",
     "c＞a＞b", "fill"),
     ("a<b<c", r"a \lt b \lt c", "open"), ("12", r"12^{\mathrm{th}}", "open"), ("12", "12th", "open"),
     ("3", r"3^{\text{rd}}", "open"), ("f(x)=0", r"\forall x>0, f(x)=0", "open"), ("x^2+1",
     r"x^2+1 \text{ for } x>0", "open"),
     ("2n-1", r"2n-1, \forall n \in N", "open"), ("12", r"\text{Answer: }12", "open"), ("12",
     r"\textcolor{blue}{12}", "open"),
     ("12", r"12\,\text{(cm)}", "open"), ("12", "12（个）", "fill"), ("12", "答案是12", "fill"), ("12",
     r"\text{The answer is }12", "open"),
     ("5", r"\text{Minimum value: } 5", "open"), ("5", "最小值：5", "fill"), ("Yes", r"\text{Yes, it is}",
     "open"),
     ("No", r"\text{No, it is not}", "open"), ("1,3", r"\text{Minimum: } 1, \text{Maximum: } 3", "open"),
     ("4;-2", "第一空：4；第二空：-2", "fill"), ("7,14,18", r"\text{A: }7, \text{B: }14, \text{C: }18",
     "open"),
     ("x=1,y=2", r"\begin{array}{l}x=1\\y=2\end{array}", "open"), ("x=1,y=2",
     r"\begin{aligned}x&=1\\y&=2\end{aligned}", "open"),
     ("f(n)=2n+1007", "f(m)=2m+1007", "open"), ("a_n=2n+1", "a_k=2k+1", "open"),
     (r"\{x|x=2k, k\in Z\}", r"\{x|x=2n, n\in Z\}", "open"), (r"\{x|x>1\}", r"\{t|t>1\}", "open"),
     (r"3\mathbf{i}-2\mathbf{j}", r"3\vec{i}-2\vec{j}", "open"), (r"3\hat{i}+4\hat{k}",
     r"3\mathbf{i}+4\mathbf{k}", "open"),
     (r"\begin{pmatrix} -7 \\ 16 \\ 5 \end{pmatrix}", "(-7,16,5)", "open"), ("(1,2)",
     r"\begin{bmatrix}1\\2\end{bmatrix}", "open"),
     (r"a\ne 1", r"a\in(-\infty,1)\cup(1,+\infty)", "open"), (r"(-\infty,0)\cup(0,+\infty)", r"x\neq 0",
     "open"),
     ("-1<a<2", "a>-1且a<2", "fill"), ("(0,3]", r"x>0 \text{ and } x\le 3", "open"), ("21", "twenty-one",
     "open"),
     ("13", "thirteen", "open"), ("105", "one hundred and five", "open"), ("-6", "minus six", "open"),
     ("40", "forty", "open"),
     ("2000", "two thousand", "open"), (r"\binom{2024}{3}", r"\frac{2024\cdot2023\cdot2022}{6}", "open"),
     (r"\binom{5000}{2}", "12497500", "open"), ("大于", ">", "fill"), ("<", "小于", "fill"), ("充分不必要",
     "充分不必要条件", "fill"),
     ("充要", "充分必要条件", "fill"), ("必要不充分条件", "必要而不充分", "fill"), (r"41.4\%", r"\sqrt2-1",
     "open"),
     (r"25^\circ C", r"25 \text{ degrees Celsius}", "open"), ("1:2", r"1 \text{ to } 2", "open"), ("3:4",
     "3比4", "fill"),
     ("12", "12 students", "open"), ("5", "5个苹果", "fill"), ("xy", "yx", "open"), ("2ab", "2ba", "open"),
     ("y=2x+1", "f(x)=2x+1", "open"), ("2^{2000}", "4^{1000}", "open"), ("3!", "6", "open")],
)  # fmt: skip
def test_one_answer_may_be_written_in_many_ways(gold, answer, type):
    assert boxed(answer, gold, type)


@pytest.mark.parametrize(
    ("gold", "answer", "question"),
    [("二", "第二象限", "点P在第____象限"), ("第二象限", "二", "点P在第几象限"), ("充分不必要",
     "充分不必要条件", "p是q的____条件"),
     (r"\frac{1}{15}", r"6.67\%", "What percentage of the cards is red?"), ("12", "12 gnus",
     "How many gnus are there?")],
)  # fmt: skip
def test_the_question_says_what_may_be_left_out(gold, answer, question):
    assert boxed(answer, gold, "fill", question)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("a<b<c", "a<c<b"), ("a<b<c", "a>b>c"), ("13",
     "thirty"),
     ("f(n)=2n+1", "f(m)=2n+1"), (r"\{x|x=2k, k\in Z\}", r"\{x|x=3n, n\in Z\}"), (r"a\ne 1",
     r"(-\infty,1)\cup[1,+\infty)"),
     ("-1<a<2", "a>-1或a<2"), (r"\binom{2024}{3}", r"\frac{2024\cdot2023\cdot2021}{6}"), ("大于", "<"),
     ("充分不必要", "必要不充分条件"), ("1:2", "2 to 1"), ("(1,2)", r"\begin{pmatrix}2\\1\end{pmatrix}"),
     ("Yes", "No, it is not"),
     (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}"), ("25^\\circ C",
     "25 degrees Fahrenheit"),
     ("21", "twelve"), ("4;-2", "第一空：-2；第二空：4")],
)  # fmt: skip
def test_what_looks_alike_is_still_told_apart(gold, answer):
    assert not boxed(answer, gold, "fill")


@pytest.mark.parametrize(
    ("question", "gold", "answer"),
    [(r"Compute $\sum_{k=1}^{100}k$.", "5050", r"S=\sum_{k=1}^{100}k"),
     (r"Compute $\sum_{k=1}^{100}k$.", "5050", r"\sum_{j=1}^{100}j"),
     (r"Simplify $\frac{8}{22}$.", r"\frac{4}{11}", "8/22"),
     (r"Simplify $\frac{8}{22}$.", r"\frac{4}{11}", r"8\div22"),
     (r"Simplify $\frac{8}{22}$.", r"\frac{4}{11}", r"x=\frac{8}{22}+0"),
     (r"Find $76-(-4\cdot8-2)+13.$", "123", "76 - (-4*8 - 2) + 13"),
     ("Tom has 8 + 9 apples. How many is that?", "17", "9+8"),
     (r"Factor $x^2+2x+1$.", "(x+1)^2", "x^2+1+2x")],
)  # fmt: skip
def test_the_question_in_other_signs_or_order_is_not_worked_out(question, gold, answer):
    assert not boxed(answer, gold, question=question)
    assert boxed(gold, gold, question=question)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("3", "third"), ("12", "第十二"), ("12", "面积为12"), ("12", r"\text{The maximum is }12"),
     ("12", "12道题"), ("12", r"12\text{ square units}"), ("(1,2)", r"\langle 1,2\rangle"),
     ("(1,2)", "A(1,2)"), ("10", r"{5\choose2}"), (r"\binom{2024}{3}", "C_{2024}^3"),
     (r"25\%", "25 per cent"), ("4;-2", "第二空：-2；第一空：4"), ("1/2", "一半")],
)  # fmt: skip
def test_ordinals_points_and_values_in_a_sentence_are_paid_in_a_box(gold, answer):
    assert boxed(answer, gold, "fill" if ";" in gold else "open")


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("12", "12...…"), ("0.5", r"0.5\ldots"), ("H_2O", "OH_2"), ("4;-2", "第二空：4；第一空：-2"),
     ("1", r"\tanh 50"), (r"\sqrt{10^{40}+1}", "10^{20}"), ("23", "2~3"), ("12", "12的因数"),
     ("5", "5 steps remain"), ("12", r"\text{12 times two}"), ("5", "5:")],
)  # fmt: skip
def test_dots_substances_places_and_forty_digits_tell_answers_apart(gold, answer):
    assert not boxed(answer, gold, "fill" if ";" in gold else "open")
