"""A concluding sentence that says which option fits, and the words for yes and no."""

import pytest

from r1v3.reward.choice.matched import matched
from r1v3.reward.choice.options import option_of_leading_word, option_of_text
from r1v3.reward.text.yes_no import leading_yes_or_no, yes_or_no, yes_or_no_if_asked


@pytest.mark.parametrize(
    ("ending", "letter"),
    [
        ("The triangle is black, which matches option C.", "C"),
        ("A cube fits, which corresponds to (D).", "D"),
        ("Only A satisfies both.", "A"), ("与选项B相符。", "B"), ("This matches option C, not D.", None),
        ("It seems to match C.", None), ("The angle at C is right.", None), ("Line C meets line D.", None),
    ],
)  # fmt: skip
def test_the_option_that_a_sentence_calls_fitting(ending, letter):
    assert matched(ending, None) == letter


def test_an_option_that_is_not_there_is_none():
    assert matched("This matches option C.", ("one", "two")) is None


def test_right_is_a_direction_and_si_a_metal():
    assert [yes_or_no(word) for word in ("是的。", "false", "right", "Si", "NO", "noon")] == [
        True, False, None, None, None, None,
    ]  # fmt: skip
    assert [yes_or_no_if_asked(word) for word in ("right", "NO", "没有")] == [True, False, False]


def test_a_leading_word_counts_unless_it_is_weighed():
    assert leading_yes_or_no("No, the line is shorter.") is False
    for text in ("Yes, but only half of it.", "对不起，看不清", "Now, look.", "Yes and no"):
        assert leading_yes_or_no(text) is None


@pytest.mark.parametrize(
    ("options", "letter"),
    [(("Yes", "No"), "A"), (("错误", "正确"), "B"), (("Unknown", "No", "Yes"), "C"), (("Yes", "True"), None),
     (("right", "left"), None)],
)  # fmt: skip
def test_yes_is_an_option_where_one_says_yes_and_one_no(options, letter):
    assert option_of_text("correct", options) == letter
    assert option_of_leading_word("Correct, it is larger.", options) == letter
