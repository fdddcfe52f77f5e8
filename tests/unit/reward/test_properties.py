r"""Grading is reflexive and symmetric, and ignores white space and differences of equivalent LaTeX.

Covers of `maths/`: expression, reader, lexicon, numbers, numeric, compare.
"""

from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from r1v3.reward import extract_answer, extract_letters, format_reward, grade
from r1v3.reward.maths.compare import Comparison
from r1v3.reward.maths.expression import parse_expression
from r1v3.reward.maths.numbers import parse_number
from r1v3.reward.maths.numeric import same_value
from r1v3.reward.text.normalize import normalise

integers = st.integers(-(10**9), 10**9).map(str)
decimals = st.decimals(-9999, 9999, places=3).map(lambda value: f"{value:f}")
fractions = st.tuples(st.integers(-99, 99), st.integers(1, 99)).map(
    lambda pair: rf"\frac{{{pair[0]}}}{{{pair[1]}}}"
)
roots = st.tuples(st.integers(1, 20), st.integers(2, 30)).map(
    lambda pair: rf"{pair[0]}\sqrt{{{pair[1]}}}"
)
atoms = st.one_of(integers, decimals, fractions, roots, st.sampled_from(["x", r"\pi", "2a", "n^2"]))
sums = st.lists(atoms, min_size=2, max_size=3).map("+".join)
points = st.lists(atoms, min_size=2, max_size=3).map(lambda items: f"({', '.join(items)})")
sets = st.lists(integers, min_size=2, max_size=4, unique=True).map(
    lambda items: rf"\{{{', '.join(items)}\}}"
)
lengths = st.tuples(st.integers(1, 999), st.sampled_from(["cm", "m", "km", "mm"])).map(
    lambda pair: f"{pair[0]} {pair[1]}"
)
answers = st.one_of(atoms, sums, points, sets, lengths)


def right(answer, gold):
    return grade(rf"\boxed{{{answer}}}", gold, "open").correct


@given(answers)
@settings(max_examples=150, deadline=None)
def test_every_answer_equals_itself(answer):
    assert right(answer, answer)


@given(answers, answers)
@settings(max_examples=150, deadline=None)
def test_equality_of_exact_answers_is_symmetric(one, other):
    # A decimal may stand for the exact value it rounds, not reversely.
    assume("." not in one + other)
    compare = Comparison().same_text
    one, other = normalise(one), normalise(other)
    assert compare(one, other) == compare(other, one)


@given(answers, st.data())
@settings(max_examples=150, deadline=None)
def test_white_space_changes_nothing(answer, data):
    spaced = answer
    for sign in "+=,(){}":
        blank = data.draw(st.sampled_from(["", " ", "  ", r"\, ", r"\;", "\n"]))
        if sign not in "{}" and "_" not in answer:
            spaced = spaced.replace(sign, f"{sign}{blank}")
    assume(r"\ " not in spaced)
    assert right(spaced, answer)


@given(answers)
@settings(max_examples=100, deadline=None)
def test_equivalent_latex_changes_nothing(answer):
    assert right(answer.replace(r"\frac", r"\dfrac"), answer)
    assert right(answer.replace("(", r"\left(").replace(")", r"\right)"), answer)
    assert right(f"${answer}$", answer)
    assert right(f"{answer}.", answer)
    assert right(answer, f"$${answer}$$")


@given(st.integers(-999, 999), st.integers(1, 99), st.integers(2, 9))
@settings(max_examples=150, deadline=None)
def test_a_fraction_equals_its_expansions_and_nothing_else(top, bottom, factor):
    gold = rf"\frac{{{top}}}{{{bottom}}}"
    assert right(f"{top * factor}/{bottom * factor}", gold)
    assert not right(f"{top + 1}/{bottom}", gold)


@given(st.integers(0, 10**12))
@settings(max_examples=100, deadline=None)
def test_thousands_may_be_set_apart(number):
    assert right(f"{number:,}", str(number))
    assert right(f"{number:,}".replace(",", "{,}"), str(number))


@given(st.integers(1, 9999))
@settings(max_examples=100, deadline=None)
def test_lengths_convert_and_wrong_units_are_wrong(number):
    assert right(f"{number * 100} cm", f"{number} m")
    assert not right(f"{number} cm", f"{number} m")
    assert not right(f"{number} kg", f"{number} m")


@given(st.fractions(max_denominator=500))
@settings(max_examples=100, deadline=None)
def test_numbers_are_read_exactly(value):
    assert parse_number(f"{value.numerator}/{value.denominator}") == Fraction(value)


@given(sums, sums)
@settings(max_examples=100, deadline=None)
def test_addition_commutes(one, other):
    left = parse_expression(normalise(f"({one})+({other})"))
    right_side = parse_expression(normalise(f"({other})+({one})"))
    assert same_value(left, right_side)


@given(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=4, unique=True), st.data())
@settings(max_examples=100, deadline=None)
def test_letters_are_read_in_any_order_and_dress(letters, data):
    between = data.draw(st.sampled_from(["", ",", "、", ", ", " and ", "和"]))
    text = between.join(data.draw(st.permutations(letters)))
    dress = data.draw(
        st.sampled_from(["{}", r"\boxed{{{}}}", r"\text{{{}}}", "故选{}", "Answer: {}"])
    )
    assert extract_letters(dress.format(text)) == "".join(sorted(letters))


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_the_grader_fail(text):
    for type, gold in (("open", "3"), ("fill", "1;2"), ("mcq", "B"), ("mcq_multi", "AC")):
        assert grade(text, gold, type, options=["1", "2", "3"]).correct in (True, False)
    assert format_reward(text) in (0.0, 1.0)
    extract_answer(text)


SIGNS = [*"{}()[]12x+-^_,;|=<!%$A.: \n±或"]
COMMANDS = [
    r"\frac",
    r"\sqrt",
    r"\boxed{",
    r"\pm",
    r"\cup",
    r"^\circ",
    r"\text{",
    r"\left",
    r"\infty",
]
WORDS = ["<think>", "</think>", "cm", " and ", "1/", r"\\"]
latex_soup = st.lists(st.sampled_from([*SIGNS, *COMMANDS, *WORDS]), max_size=40).map("".join)


@given(latex_soup, latex_soup)
@settings(max_examples=300, deadline=None)
def test_no_latex_makes_the_comparison_fail(answer, gold):
    answer, gold = normalise(answer), normalise(gold)
    assert Comparison(blanks_ordered=True).same_text(answer, gold) in (True, False, None)
