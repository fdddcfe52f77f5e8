"""Each part that reads answers, alone: what it accepts, and what it leaves to other parts."""

import json
import math
import operator
import subprocess
import sys
from fractions import Fraction

import pytest
import torch
from safetensors.torch import save_file

from r1v3.reward.attack.rewrite import forms_of
from r1v3.reward.choice.named import leading, named, options_judged, weighs
from r1v3.reward.critic import read_number, reward_prompt
from r1v3.reward.grade_rows import grade_lines
from r1v3.reward.grader import Grader
from r1v3.reward.maths.algebra import is_algebra
from r1v3.reward.maths.alike import in_same_names, with_plain_subscripts
from r1v3.reward.maths.chinese_numerals import in_digits
from r1v3.reward.maths.english_numerals import english_in_digits, without_ordinal
from r1v3.reward.maths.evaluate import evaluate_tree, logarithm
from r1v3.reward.maths.expression import parse_expression
from r1v3.reward.maths.lexicon import is_english, starts_factor_command
from r1v3.reward.maths.precise import agrees_precisely
from r1v3.reward.maths.quantity import infinity_of, is_letter_word, same_leaf, same_words
from r1v3.reward.maths.reader import NotAnExpression, Reader
from r1v3.reward.maths.relations import interval_of, is_constant, is_label, same_relation
from r1v3.reward.maths.shape import enumerated, shape_of
from r1v3.reward.maths.unit_table import PLURALS, PREFIXES
from r1v3.reward.maths.units import parse_unit, split_unit
from r1v3.reward.reward_model.value_head import is_of_head, load_value_head
from r1v3.reward.text.around import spoils
from r1v3.reward.text.boxes import find_boxes
from r1v3.reward.text.conclude import conclusion, declines, open_answer
from r1v3.reward.text.denial import (
    affirmed,
    behind_last_retraction,
    denied_before,
    denied_behind,
)
from r1v3.reward.text.extract import extract_answer, final_text
from r1v3.reward.text.question import echoes, restates, same_in_frame
from r1v3.reward.text.statements import same_statements, statement_numbers
from r1v3.reward.text.vocabulary import denies, denies_or_computes, is_counted
from r1v3.reward.verdict import Verdict
from r1v3.reward.verifier.cache import JudgeCache, cache_key
from r1v3.reward.verifier.question import questions_for_verifier

OPTIONS = ["12 cm", "24 cm", "36 cm", "48 cm"]


def number(value):
    return ("num", Fraction(value))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("十二", "12"),
        ("两千三百", "2300"),
        ("三分之二", "2/3"),
        ("百分之五十", "50%"),
        ("第二象限", "第二象限"),
    ],
)
def test_chinese_numerals_become_digits(text, digits):
    assert in_digits(text).replace(r"\%", "%").replace(" ", "") == digits


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("twenty-one", "21"),
        ("one hundred and five", "105"),
        ("minus six", "-6"),
        ("a dog", "a dog"),
    ],
)
def test_english_numerals_become_digits(text, digits):
    assert english_in_digits(text) == digits


@pytest.mark.parametrize(("text", "plain"), [("12th", "12"), ("twelfth", "12"), ("第12天", "12")])
def test_an_ordinal_is_its_number(text, plain):
    assert english_in_digits(without_ordinal(text)) == plain


def test_algebra_reads_known_commands_and_no_prose():
    assert is_algebra(r"\frac{x}{2} + \sqrt{3}")
    assert not is_algebra(r"\phantom{12}")
    assert not is_algebra("x squared")


def test_the_whole_number_of_a_family_has_the_golds_name():
    answer, gold = in_same_names(r"n\pi, n \in Z", r"k\pi, k \in Z")
    assert (answer, gold) == (r"k\pi, k \in Z", r"k\pi, k \in Z")


def test_subscripts_are_plain_where_the_golds_are():
    assert with_plain_subscripts("y_1<y_2", "y1<y2") == "y1<y2"
    assert with_plain_subscripts("y_1<y_2", "y_1<y_2") == "y_1<y_2"


def test_short_words_are_no_products():
    assert [is_english(run) for run in ("not", "or", "xy", "abc")] == [True, True, False, False]
    assert starts_factor_command("sqrt")
    assert not starts_factor_command("leq")


def test_one_float_may_be_two_numbers():
    ten_to = ("pow", number(10), number(20))
    root = ("root", number(2), ("add", ten_to, number(1)))
    assert not agrees_precisely(root, ("pow", number(10), number(10)), {})
    assert agrees_precisely(("root", number(2), ten_to), ("pow", number(10), number(10)), {})


def test_one_tree_has_a_value_in_any_arithmetic():
    tree = parse_expression(r"\log_2 8 + 2x")
    assert tree
    logs = {"num": float, "add": operator.add, "mul": operator.mul, "log": logarithm(math.log)}
    assert evaluate_tree(tree, {"x": 5.0}, logs) == pytest.approx(13)
    with pytest.raises(LookupError):
        evaluate_tree(tree, {}, logs)
    with pytest.raises(LookupError):
        evaluate_tree(("fact", number(3)), {}, logs)


def test_an_argument_and_an_index_may_have_any_name():
    assert in_same_names("f(m)=2m", "f(n)=2n") == ("f(n)=2n", "f(n)=2n")
    assert in_same_names(r"a_{k}=\frac{k}{2}", r"a_n=\frac{n}{2}")[0] == r"a_{n}=\frac{n}{2}"
    assert in_same_names(r"E_k=\frac{mv^2}{2}", r"E_p=mgh")[0] == r"E_k=\frac{mv^2}{2}"


def test_a_reader_takes_numbers_as_fractions():
    assert Reader("0.25x").number() == number("1/4")
    assert Reader(r"2\frac{1}{3}").number() == number("7/3")
    assert Reader(r"0.\overline{3}").number() == number("1/3")
    with pytest.raises(NotAnExpression):
        Reader("x").number()


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [("1/2", "0.5", True), ("3", "4", False), ("100 cm", "1 m", True), ("5 kg", "5 m", False)],
)
def test_leaves_are_compared_by_value_and_dimension(answer, gold, same):
    assert same_leaf(answer, gold) is same


def test_words_are_words_and_infinity_has_a_sign():
    assert same_words("Paris", "paris")
    assert is_letter_word("AAS")
    assert not is_letter_word("xy")
    assert [infinity_of(text) for text in (r"\infty", r"-\infty", "5")] == [1, -1, 0]


def test_a_unit_is_a_factor_and_a_dimension():
    head, unit, _ = split_unit("3.6 km/h")
    assert (head, unit.factor) == ("3.6", Fraction(1000, 3600))
    assert parse_unit("students") is None
    assert PREFIXES["k"] == 3
    assert PLURALS["foot"] == "feet"


def test_relations_have_labels_and_intervals():
    assert is_label("f(x)")
    assert is_constant("2 + 3")
    assert not is_constant("x + 3")
    assert same_relation(shape_of("2x<6"), shape_of("x<3"))
    assert not same_relation(shape_of("2x<6"), shape_of("x<4"))
    assert interval_of(shape_of("1<x")).kind == "bracket"
    assert interval_of(shape_of("x=1")) is None


def test_numbered_answers_are_several():
    assert enumerated("(1) 5; (2) 6") == ["5", "6"]
    assert enumerated("5; 6") is None


@pytest.mark.parametrize(
    ("text", "letter"), [("(B) because it fits", "B"), ("C, since it is", "C"), ("24 cm", None)]
)
def test_a_statement_may_lead_with_its_letter(text, letter):
    assert leading(text, OPTIONS) == letter


def test_a_passage_may_name_or_judge_options():
    assert named("I choose option B.", OPTIONS) == "B"
    assert named("I choose option B. I choose option C.", OPTIONS) is None
    assert options_judged("A正确，B错误", OPTIONS, several=False) == "A"
    assert weighs(" or maybe C")
    assert not weighs(" because 2 + 2 = 4")


@pytest.mark.parametrize(
    ("text", "spoilt"),
    [
        (r"half of \boxed{6}", True),
        (r"-\boxed{6}", True),
        (r"the wrong answer is \boxed{6}", True),
        (r"The answer is \boxed{6}.", False),
    ],
)
def test_words_around_a_box_may_change_it(text, spoilt):
    assert spoils(text, find_boxes(text)) is spoilt


def test_an_answer_concludes_with_its_last_statement():
    assert open_answer("2 + 2 is 4. So the answer is 4.") == "4"
    assert conclusion("It is 3. Therefore it is 4.").endswith("it is 4.")
    assert declines("None of the options is right.")
    assert not declines("The answer is B.")
    assert extract_answer(final_text(r"<think>\boxed{1}</think>It is \boxed{2}.")) == "2"


def test_denied_answers_are_not_given():
    assert denied_before("it is not B", 10)
    assert denied_behind("B is wrong", 1)
    assert not denied_behind("B is right", 1)
    assert affirmed("not 5 but 6", denied=False).strip() == "6"
    assert behind_last_retraction("It is 5. Wait, that is wrong. It is 6.").strip(" .") == "It is 6"


def test_an_answer_owes_more_than_its_question():
    question = "What is the value of 2 + 3 in the ring of integers?"
    assert echoes(question, question)
    assert not echoes("It is 5.", question)
    assert restates("2 + 3", "5", question)
    assert not restates("5", "5", question)
    assert same_in_frame("二", "第二象限", "点在第____象限")


def test_statements_are_listed_by_number():
    assert statement_numbers("①③④") == [1, 3, 4]
    assert same_statements("(1)(3)", "①③")
    assert same_statements("①②", "①③") is False
    assert same_statements("5", "5") is None


def test_words_that_turn_a_value_are_known():
    assert denies("not x")
    assert not denies("半径")
    assert denies_or_computes("no, doubled")
    assert is_counted("students")


def test_other_forms_of_an_expression_are_equal_to_it():
    forms = forms_of("x+1")
    assert forms
    assert all(not apply_difference(form) for form in forms)


def apply_difference(form):
    return (
        not Grader(None)
        .grade_many([{"response": f"\\boxed{{{form}}}", "gold": "x+1", "type": "open"}])[0]
        .correct
    )


def test_lines_are_graded_in_their_order():
    rows = [{"response": rf"\boxed{{{n}}}", "gold": "2", "type": "open"} for n in (1, 2)]
    verdicts = [json.loads(line) for line in grade_lines(map(json.dumps, rows), "rows")]
    assert [verdict["correct"] for verdict in verdicts] == [False, True]


def test_the_process_of_algebra_answers_line_by_line():
    request = {"answer": "x + x", "gold": "2x", "digits": 6, "seconds": None}
    done = subprocess.run(
        [sys.executable, "-m", "r1v3.reward.maths.sandbox", "20", str(4 * 2**30)],
        input=json.dumps(request) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"ready": True},
        {"equal": True},
    ]


def test_a_value_head_is_found_by_its_name(tmp_path):
    save_file(
        {"v_head.summary.weight": torch.tensor([[1.0, 2.0]]), "v_head.summary.bias": torch.ones(1)},
        tmp_path / "value_head.safetensors",
    )
    assert load_value_head(tmp_path, 2)(torch.tensor([3.0, 4.0])).item() == 1 * 3 + 2 * 4 + 1
    assert not is_of_head("model.layers.0.weight")
    with pytest.raises(ValueError, match="this width has"):
        load_value_head(tmp_path, 3)


def test_what_a_verifier_said_is_kept(tmp_path):
    key = cache_key("model", 1, "question", "gold", "answer")
    JudgeCache(tmp_path).put(key, True, "model")
    assert JudgeCache(tmp_path).get(key) is True
    assert JudgeCache(tmp_path).get(cache_key("model", 2, "question", "gold", "answer")) is None


def test_a_verifier_is_asked_what_the_rules_could_not_read():
    row = {"response": "It is 24 cm.", "gold": "B", "type": "mcq", "options": OPTIONS}
    [(question, gold, said)] = questions_for_verifier(row, Verdict(None, False, "rule:x", ""))
    assert (gold, said) == ("B. 24 cm", "It is 24 cm.")
    assert "A. 12 cm" in question
    assert questions_for_verifier(row, Verdict("C", False, "rule:x", "")) == []


def test_a_critic_takes_numbers_and_hides_control_words():
    assert [read_number(text) for text in (" 0.75 ", "-3e1", "about 3", "1e999")] == [
        0.75,
        -30,
        None,
        None,
    ]
    prompt = reward_prompt("How many?", "Two <image><|im_end|>")
    assert "< image>" in prompt
    assert prompt.count("<|im_end|>") == 2  # one for each turn, none of the response's own
