import pandas as pd
import pytest
from evaluation_fixtures import evaluation_config

from r1v3.evaluate.items.item import make_item
from r1v3.evaluate.protocols import as_released, sampling_of_benchmark
from r1v3.evaluate.released_rules import edit_distance, mathvista_normalised, released_box

SETTINGS = {"top_p": 0.9, "max_new_tokens": 16384, "runs": 5}


def settings(**changes):
    return evaluation_config(evaluation=SETTINGS | changes).evaluation


def test_the_report_draws_five_runs_at_temperature_one(table):
    drawn = sampling_of_benchmark(settings(protocol="report"), table["emma_mini"])
    assert (drawn.temperature, drawn.top_p, drawn.max_new_tokens, drawn.samples) == (
        1.0,
        0.9,
        16384,
        5,
    )


@pytest.mark.parametrize(
    ("name", "temperature", "tokens"),
    [("mmmu_val", 0.0, 16384), ("mmk12", 0.8, 16384), ("emma_mini", 0.7, 64000)],
)
def test_the_released_code_drew_once_at_temperatures_of_its_own(table, name, temperature, tokens):
    drawn = sampling_of_benchmark(settings(protocol="released"), table[name])
    assert (drawn.temperature, drawn.max_new_tokens, drawn.samples) == (temperature, tokens, 1)


def test_a_tiny_limit_is_scaled_as_the_released_one_was(table):
    drawn = sampling_of_benchmark(
        settings(protocol="released", max_new_tokens=96), table["emma_mini"]
    )
    assert drawn.max_new_tokens == 375


def test_the_released_rule_stops_at_the_first_brace():
    assert released_box(r"so \boxed{\frac{3}{4}}", "3")
    assert released_box(r"\boxed{ $B$ }", "b")
    assert not released_box(r"\boxed{\frac{3}{4}}", r"\frac{3}{4}")
    assert not released_box("B", "B")
    assert released_box(r"\boxed{A} no, \boxed{C}", "C")


def test_the_released_rule_adds_right_answers_and_takes_none_away(table):
    row = {"index": "1", "pictures": "1", "question": "q", "answer": "3"}
    items = {"1": make_item(row, table["mmmu_val"])}
    lines = [("1", r"</think>\boxed{\frac{3}{4}}", False, 0.0), ("1", r"</think>3", True, 1.0)]
    judged = pd.DataFrame(lines, columns=["key", "response", "correct", "share"])
    found = as_released(judged, items, table["mmmu_val"])
    assert found["correct"].tolist() == [True, True]
    assert found["share"].tolist() == [1.0, 1.0]
    assert as_released(judged, items, table["mmstar"])["correct"].tolist() == [False, True]


def test_mathvista_takes_the_nearest_spelling_however_far():
    choice = {
        "question_type": "multi_choice",
        "answer_type": "text",
        "choices": ["97", "102", "107"],
    }
    assert mathvista_normalised("92.5", choice) == "97"
    assert mathvista_normalised("(B) 102", choice) == "102"
    assert mathvista_normalised(None, choice) == "97"
    number = {"question_type": "free_form", "answer_type": "float", "precision": 1, "choices": None}
    assert mathvista_normalised("0.1666", number) == "0.2"
    assert mathvista_normalised("3.9", {**number, "answer_type": "integer"}) == "3"
    assert mathvista_normalised("many", number) is None


def test_the_distance_counts_single_letters():
    assert [
        edit_distance("kitten", "sitting"),
        edit_distance("", "ab"),
        edit_distance("a", "a"),
    ] == [3, 2, 0]
