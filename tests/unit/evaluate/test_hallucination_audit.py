import pandas as pd
import pytest

from r1v3.evaluate.pages.hallucination import audit, find_phrase, split_reply, table_5


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
        "Can't see the image, so I guess.",
        "<think>Cannot view the picture. Assume",
        "I'm not able to see the image.",
        "I’m unable to view the attached figure",
        "I am not able to see this picture",
        "I couldn't see the image",
        "I could not open the attachment",
        "I do not see any image",
        "I can't view images directly",
        "But there is no image.",
        "there's no picture attached, so",
        "There isn't an image here",
        "there is no figure in the question",
        "there are no images provided",
        "因为没有图片，只能猜测",
        "没有具体的图片",
        "题目缺少附图",
        "图片未提供",
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
        "I can see the image, and there is no gap in it.",
        "I can view images of both kinds",
        "there is no image of a dog to the left",
        "There is no figure with three sides in the picture",
        "For u = f there is no image formed on the screen",
        "there is no graph with these degrees",
        "The observer can see the image in the mirror",
        "He moves behind the screen and can't see the image",
        "I could see the image",
        "函数没有图像上的交点",
        "没有图片中的三角形",
        "图片上没有猫",
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
