"""The chain of section 3.2's filters: each step on its own, switched on and off by the recipe."""

import pytest

from r1v3.data.sampling.filters import (
    first_failure,
    other_script,
    repeated_grams,
    repetition,
    tells_answer,
)
from r1v3.recipe.schema.data import Filters

OFF = {
    "max_tokens": None, "max_repetition": None, "max_repeated_grams": None, "max_reconsiderations": None,
    "max_other_script": None, "format": False, "leakage": False, "judge": None, "reward_model": None,
}  # fmt: skip
GOOD = "<think>The legs are 3 and 4, so the hypotenuse is 5.</think>\n\\boxed{5}"


def failure(response: str, tokens: int, **changes):
    return first_failure(response, tokens, Filters.model_validate(OFF | changes))


@pytest.mark.parametrize(
    ("key", "value", "response", "step"),
    [
        ("max_tokens", 10, GOOD, "overlong"),
        ("max_repetition", 0.7, "again and " * 200, "repetitive"),
        ("max_repeated_grams", 0.3, "so the sum of all is 7, " * 5, "looping"),
        ("max_reconsiderations", 2, "Wait, 3. Alternatively, 4. Hmm, 5.", "rambling"),
        ("max_other_script", 0.2, "First we add 两个数字然后相乘 and take roots", "mixed language"),
        ("format", True, "The answer is 5.", "format"),
        ("leakage", True, "The reference answer is 5, so it must be 5.", "leakage"),
        ("leakage", True, "根据标准答案，应为 5", "leakage"),
    ],
)
def test_each_step_takes_out_what_it_is_named_after(key, value, response, step):
    assert failure(response, 99) is None
    found = failure(response, 99, **{key: value})
    assert found.step == step


def test_a_good_response_passes_all_steps():
    all_on = {
        "max_tokens": 100, "max_repetition": 0.8, "max_repeated_grams": 0.5, "max_reconsiderations": 5,
        "max_other_script": 0.2, "format": True, "leakage": True,
    }  # fmt: skip
    assert failure(GOOD, 20, **all_on) is None


def test_steps_are_tried_in_order_and_the_first_counts():
    filters = {"max_tokens": 1, "format": True}
    assert failure("no thought", 2, **filters).step == "overlong"
    assert failure("no thought", 1, **filters).step == "format"


def test_the_detail_says_what_was_measured():
    assert failure("x", 99, max_tokens=10).detail == "99, 10 allowed"


def test_repeated_runs_of_four_words():
    assert repeated_grams("a b c d") == 0.0
    assert repeated_grams("a b c d a b c d") == pytest.approx(1 / 5)
    assert repeated_grams("") == 0.0


def test_repetition_is_the_share_that_compression_saves():
    assert repetition("") == 0.0
    assert repetition("ab" * 500) > 0.9


def test_formulas_and_names_are_no_other_language():
    assert other_script("已知三角形 $ABC$ 中 \\frac{a}{b}，AB=3，所以面积为 6") == 0.0
    assert other_script("Therefore x = \\sqrt{2} and the area is 6") == 0.0
    assert other_script("123 + 456") == 0.0
    assert other_script("one two 三 四") == 0.5


@pytest.mark.parametrize(
    ("question", "answer", "told"),
    [
        ("What is 2+2? Answer: 4", "4", True),
        ("求面积。答案：12", "12", True),
        ("Which is it? The answer is B.", "B", True),
        ("What is 2+2? Answer: 5", "4", False),
        ("Give your answer in cm.", "5", False),
    ],
)
def test_a_question_that_tells_its_answer(question, answer, told):
    assert tells_answer(question, answer) == told


def test_a_correct_answer_is_no_leak():
    for fine in (
        "So the correct answer is B.",
        "None of the given answers fits.",
        "The answer is 5.",
    ):
        assert failure(fine, 9, leakage=True) is None
