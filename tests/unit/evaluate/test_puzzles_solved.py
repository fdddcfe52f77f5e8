"""Each puzzle of MME-Reasoning, solved once: its function accepts the solution, and no spoilt one.

Two puzzles cannot be solved as the benchmark states them, so no answer to them is right, there or here.
Function 8 wants B + D + E and B + E + H to be 20 with all numbers different, and no numbers of function 11
add up.
"""

import copy
import inspect
import itertools

import pytest

from r1v3.evaluate.benchmarks.puzzle_rules import RULES
from r1v3.evaluate.vlmevalkit import is_installed, load_peer

UNSOLVABLE = {"calculate_answer_function_8", "calculate_answer_function_11"}
OPEN = [[None] * 6 for _ in range(6)]


def values(letters: str, numbers: str) -> dict[str, int]:
    return dict(zip(letters, map(int, numbers.split()), strict=True))


LETTERS = "ABCDEFGHIJKLMNOPQRS"
SUDOKU = [[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]]
SUDOKU_6 = [[(3 * (r % 2) + r // 2 + c) % 6 + 1 for c in range(6)] for r in range(6)]
# A comb of ones whose spine is the first column and whose teeth reach to the last but one; the rest is zero.
COMB = [[1, 1, 1, 1, 1, 0], [1, 0, 0, 0, 0, 0]] * 3
ISLANDS = [("a1", 3), ("c1", 2), ("a3", 1)]
SOLVED = {  # function: solution, the row's answer, special_info
    "calculate_answer_function_1": (values("ABC", "6 2 4"), None, {}),
    "calculate_answer_function_2": (values("ABCDEF", "5 15 5 19 19 1"), None, {}),
    "calculate_answer_function_3": (
        values(LETTERS[:15], "4 5 3 14 11 10 15 1 2 12 6 13 9 8 7"), None, {}),
    "calculate_answer_function_4": (values(LETTERS[:9], "1 8 3 6 5 4 7 2 9"), None, {}),
    "calculate_answer_function_5": (
        values(LETTERS[:17], "20 15 20 5 5 10 20 5 5 10 15 5 10 5 15 20 20"), None, {}),
    # Lines cross in J = 10; A and S, B and R, ... face each other and are 20 together.
    "calculate_answer_function_6": (
        values("AS CQ EO GM IK LH NF PD RB J".replace(" ", ""),
               "1 19 2 18 3 17 4 16 5 15 6 14 7 13 8 12 9 11 10"), None, {}),
    "calculate_answer_function_7": (
        values(LETTERS[:12], "5 3 11 2 10 6 7 4 9 1 12 8"), None, {}),
    "calculate_answer_function_9": (
        values(LETTERS, "1 9 12 18 19 8 6 3 17 2 16 4 14 15 13 11 5 10 7"), None, {}),
    "calculate_answer_function_10": (values("ABCDEF", "1 6 5 2 4 3"), None, {}),
    "calculate_answer_function_12": (values("CATDOGPES", "2 3 9 8 5 7 1 0 6"), None, {}),
    "match_answer_function": ({"A": 5, "B": "x"}, {"A": 5, "B": "x"}, {}),
    "match_coordinate_function": (
        [{"row": "A", "column": 1}], [{"row": "A", "column": 1}], {}),
    "multiple_match_function": ({"id": ["C", "A"]}, [["B"], ["A", "C"]], {}),
    "compare_expression_function": ({"equation": "4 + 3 = 7"}, ["1 + 6 = 7", "3 + 4 = 7"], {}),
    "judge_24points_function": ("(13-9-1)*8=24", None, {"init_cards": [1, 8, 9, 13]}),
    "calculate_answer_function_hashi": (
        [{"start": "a1", "end": "c1", "number": 2}, {"start": "a1", "end": "a3", "number": 1}],
        None, {"init_islands": [{"cord": c, "requirement": n} for c, n in ISLANDS]}),
    "calculate_answer_function_skyscraper": (
        [[1, 2, 3], [2, 3, 1], [3, 1, 2]], None,
        {"base_matrix": [[None] * 3] * 3,
         "visible_skyscrapers": [[3, 2, 1], [3, 2, 1], [1, 2, 2], [1, 2, None]]}),
    "calculate_answer_function_sudoku_4": (
        SUDOKU, None, {"base_matrix": [[None] * 4] * 3 + [[4, None, None, None]]}),
    "calculate_answer_function_sudoku_6": (SUDOKU_6, None, {"base_matrix": OPEN}),
    "calculate_answer_function_yinyang": (COMB, None, {"base_matrix": OPEN}),
}  # fmt: skip
SPOILT = {
    "match_answer_function": {"A": 5, "B": "y"},
    "match_coordinate_function": [{"row": "A", "column": 2}],
    "multiple_match_function": {"id": ["B", "A"]},
    "compare_expression_function": {"equation": "5 + 2 = 7"},
    "judge_24points_function": "(13-9-1)*9=27",
    "calculate_answer_function_hashi": [{"start": "a1", "end": "c1", "number": 2}],
}


def spoilt(name: str, given):
    """Return another answer of the same form, with one number of a sum or one cell of a grid changed."""
    if name in SPOILT:
        return SPOILT[name]
    given = copy.deepcopy(given)
    if isinstance(given, dict):
        given["A"] = given["A"] + 1
    else:
        given[0][0], given[0][1] = given[0][1], 0
    return given


@pytest.mark.parametrize("name", SOLVED)
def test_a_solution_is_taken_and_a_spoilt_one_is_not(name):
    given, answer, info = SOLVED[name]
    assert RULES[name](given, answer, info)
    wrong = spoilt(name, given)
    assert not RULES[name](wrong, answer, info)
    if not is_installed():
        return
    peer = load_peer("dataset.utils.mme_reasoning").mme_reasoning_eval_functions[name]
    more = [answer, copy.deepcopy(info)][: len(inspect.signature(peer).parameters) - 1]
    assert peer(given, *more)
    assert not peer(wrong, *more)


def test_every_function_is_solved_but_those_that_cannot_be():
    assert set(SOLVED) | UNSOLVABLE == set(RULES)
    for numbers in itertools.product((1, 2, 3, 5, 7, 8), repeat=4):  # of A, C, E and G
        a, c, e, g = numbers
        if a + c + 9 == 19 and e + g + 6 == 19:  # then B + D and F + D are what is left of 19
            for b, d, f in itertools.product((1, 2, 3, 5, 7, 8), repeat=3):
                filled = dict(zip("ABCDEFG", (a, b, c, d, e, f, g)))
                assert not RULES["calculate_answer_function_11"](filled, None, {})
