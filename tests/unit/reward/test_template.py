"""The chat template's grammar (eq. 1), where the answer is searched for, and the total (eq. 3)."""

import pytest

from r1v3.reward import combine, extract_answer, format_reward


@pytest.mark.parametrize(
    "response",
    [
        "<think>2 + 2 = 4</think>4",
        "  <think>\n2 + 2\n</think>\n\n\\boxed{4}\n",
        "<think></think>4",  # the NoThink mode forces an empty thought
        "<think>a</think>4<|im_end|>",
        "<think>a < b, <b>bold</b></think>The answer, and text behind it.",
    ],
)
def test_one_thought_and_an_answer_are_well_formed(response):
    assert format_reward(response) == 1.0


@pytest.mark.parametrize(
    "response",
    [
        "4",  # missing
        "",
        "<think>cut off in the middle of",  # truncated
        "<think>a</think>",  # truncated behind the thought
        "<think>a</think>  \n<|im_end|></s>",
        "a</think>4",  # never opened
        "<think>a<think>b</think>c</think>4",  # nested
        "<think>a</think>4<think>b</think>5",  # repeated
        "<think>a</think></think>4",
        "<think><think>a</think>4",
        "</think>4<think>",  # crossed
        "Sure! <think>a</think>4",  # text before
        "<THINK>a</THINK>4",
        "<think>a</think >4",
    ],
)
def test_anything_else_scores_zero(response):
    assert format_reward(response) == 0.0


def test_the_answer_is_taken_behind_the_thought():
    assert extract_answer("<think>\\boxed{1}</think>\\boxed{2}") == "2"
    assert extract_answer("thought \\boxed{1}</think>\\boxed{2}") == "2"


def test_a_response_without_tags_is_graded_whole():
    assert extract_answer("It is \\boxed{2}.") == "2"


def test_a_thought_that_never_closes_has_no_answer():
    assert extract_answer("<think>surely \\boxed{2}") is None
    assert extract_answer("<think>a</think>\\boxed{2}<think>again") is None
    assert extract_answer("<think>a</think>") is None


def test_the_total_weighs_accuracy_and_format():
    assert combine(1.0, 1.0, accuracy_weight=0.8, format_weight=0.2) == pytest.approx(1.0)
    assert combine(1.0, 0.0, accuracy_weight=0.8, format_weight=0.2) == pytest.approx(0.8)
    assert combine(0.0, 1.0, accuracy_weight=0.8, format_weight=0.2) == pytest.approx(0.2)


@pytest.mark.parametrize(("accuracy", "format"), [(0.8, 0.3), (1.2, -0.2)])
def test_weights_that_do_not_add_up_are_refused(accuracy, format):
    with pytest.raises(ValueError, match="accuracy_weight"):
        combine(1.0, 1.0, accuracy_weight=accuracy, format_weight=format)
