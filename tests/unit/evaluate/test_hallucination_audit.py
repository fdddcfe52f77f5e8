import pandas as pd
import pytest

from r1v3.evaluate.hallucination import audit, find_phrase, split_reply, table_5


@pytest.mark.parametrize(
    "text",
    [
        "Since I can't see the image, I guess.",
        "I cannot view the attached picture",
        "I can’t actually see any figure here",
        "I am unable to access the diagram",
        "Without seeing the actual image, assume",
        "the image isn't visible to me",
        "The figure is not provided.",
        "no image was provided",
        "由于我无法看到图片，只能猜测",
        "看不到图，所以",
        "题目没有提供图片",
    ],
)
def test_the_phrase_is_found_in_both_languages(text):
    assert find_phrase(text)


@pytest.mark.parametrize(
    "text",
    [
        "I can see the image clearly.",
        "The image was provided above.",
        "I can't see the second triangle in the image",
        "如图所示",
        "The answer is not given by the chart alone",
    ],
)
def test_ordinary_talk_of_pictures_is_not_the_phrase(text):
    assert find_phrase(text) is None


def test_thought_and_answer_are_told_apart():
    assert split_reply("<think>a</think>b") == ("<think>a", "b")
    assert split_reply("<think>a") == ("<think>a", "")
    assert split_reply("b") == ("", "b")


def verdicts():
    cannot, fine = "<think>I can't see the image.</think>4", "<think>I see.</think>4"
    rows = [
        ("easy", fine, True),
        ("easy", fine, True),
        ("mixed", cannot, False),
        ("mixed", fine, True),
        ("hard", cannot, False),
        ("hard", "<think>x</think>I cannot see the image.", False),
    ]
    return pd.DataFrame(rows, columns=["key", "response", "correct"])


def test_accuracy_with_and_without_the_phrase():
    found = audit(verdicts())
    assert (found.answers, found.with_phrase, found.in_thought, found.in_answer) == (6, 3, 2, 1)
    assert (found.accuracy, found.accuracy_with, found.accuracy_without) == (0.5, 0.0, 1.0)
    assert [row["n"] for row in table_5(found)] == [6, 3, 3]


def test_within_items_only_those_answered_both_ways_count():
    found = audit(verdicts())
    assert (found.within_count, found.within_items) == (1, -1.0)


def test_without_the_phrase_there_is_nothing_to_compare():
    found = audit(verdicts().iloc[:2])
    assert (found.accuracy_with, found.within_count, found.within_items) == (None, 0, None)
