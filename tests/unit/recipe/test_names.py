"""One rule for the names of all entries."""

import pytest

from r1v3.recipe.names import LONGEST_NAME, check_name, why_no_name


@pytest.mark.parametrize("name", ["a", "rl_2", "x" * LONGEST_NAME])
def test_a_plain_name_is_one(name):
    assert why_no_name(name) is None
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "a letter first"),
        ("2a", "a letter first"),
        ("a\n", "lower-case letters"),
        ("ﬁ", "lower-case letters"),
        (True, "lower-case letters"),
        (float("nan"), "lower-case letters"),
        ("x" * (LONGEST_NAME + 1), f"at most {LONGEST_NAME} letters"),
        ("rl__seed2", "stands for another seed"),
    ],
)
def test_what_is_no_name_is_told_why(name, said):
    assert said in str(why_no_name(name))
