"""MME-Reasoning's puzzles, which may have many solutions: what each rule accepts."""

import pytest

from r1v3.evaluate.benchmarks import mme_reasoning
from r1v3.evaluate.benchmarks.puzzle_rules import RULES
from r1v3.evaluate.judge import judge_response


def reasoning(table, **columns):
    known = {"index": "1", "pictures": "1", "question": "How long?", "question_type": "rule"}
    known |= {"capability": "", "reasoning_type": "", "special_info": ""}
    [item] = mme_reasoning.items_of_row(known | columns, table["mme_reasoning"])
    return item


def share(table, item, answer):
    response = f"thought</think>\n\\boxed{{{answer}}}"
    return judge_response(item, response, table["mme_reasoning"]).share


def test_mme_reasoning_compares_letters_as_a_set(table):
    item = reasoning(table, question_type="choice", answer="['A', 'C']")
    assert [share(table, item, x) for x in ("C, A", "A")] == [1, 0]


def test_mme_reasoning_takes_any_solution_of_a_puzzle(table):
    item = reasoning(table, function_id="calculate_answer_function_10", answer="")
    right = "A: 1, B: 6, C: 5, D: 2, E: 4, F: 3"  # each side of the triangle adds up to 9
    assert share(table, item, right) == 1
    assert share(table, item, right.replace("A: 1, B: 6", "A: 6, B: 1")) == 0
    assert share(table, item, "no idea") == 0


def test_mme_reasoning_reads_json_in_a_code_block(table):
    item = reasoning(table, function_id="match_answer_function", answer="{'A': 5, 'B': 'x'}")
    response = '</think>So:\n```json\n{"A": 5, "B": "x"}\n```'
    assert judge_response(item, response, table["mme_reasoning"]).share == 1
    assert judge_response(item, response.replace("5", "6"), table["mme_reasoning"]).share == 0


@pytest.mark.parametrize(
    ("formula", "right"),
    [
        ("(13-9-1)*8=24", True),
        ("(K-9-A)×8", True),
        ("8*9/3", False),
        ("(13-9-1)*9", False),
        ("__import__('os')", False),
    ],
)
def test_the_24_game_is_computed_not_executed(formula, right):
    assert RULES["judge_24points_function"](formula, None, {"init_cards": [1, 8, 9, 13]}) is right


def test_a_sudoku_keeps_its_printed_numbers():
    solved = [[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]]
    printed = {"base_matrix": [[1, None, None, None], *[[None] * 4] * 3]}
    check = RULES["calculate_answer_function_sudoku_4"]
    assert check(solved, None, printed)
    assert not check(solved, None, {"base_matrix": [[2, None, None, None], *[[None] * 4] * 3]})
    assert not check([[1, 2, 3, 4], [2, 1, 4, 3], [3, 4, 1, 2], [4, 3, 2, 1]], None, printed)


def test_skyscrapers_are_counted_from_all_four_sides():
    # Row by row 1 2 3 / 2 3 1 / 3 1 2: from the left one sees 3, 2, 1 towers.
    grid = [[1, 2, 3], [2, 3, 1], [3, 1, 2]]
    clues = [[3, 2, 1], [3, 2, 1], [1, 2, 2], [1, 2, 2]]
    info = {"base_matrix": [[None] * 3] * 3, "visible_skyscrapers": clues}
    check = RULES["calculate_answer_function_skyscraper"]
    assert check(grid, None, info)
    assert not check(grid, None, {**info, "visible_skyscrapers": [[3, 2, 2], *clues[1:]]})


def test_bridges_fill_every_island_and_never_cross():
    islands = [{"cord": c, "requirement": n} for c, n in (("a1", 2), ("c1", 2), ("b1", 0))]
    check = RULES["calculate_answer_function_hashi"]
    bridge = {"start": "a1", "end": "c1", "number": 2}
    assert check([bridge], None, {"init_islands": islands})
    assert not check([{**bridge, "number": 1}], None, {"init_islands": islands})
    assert not check([{**bridge, "number": 3}], None, {"init_islands": islands})
    cross = [{"cord": c, "requirement": 1} for c in ("a2", "c2", "b1", "b3")]
    both = [{"start": "a2", "end": "c2", "number": 1}, {"start": "b1", "end": "b3", "number": 1}]
    assert not check(both, None, {"init_islands": cross})


def test_yin_yang_wants_two_connected_colours_without_a_square_of_one():
    grid = [[0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0], [0, 1, 1, 0, 1, 0]]
    grid += [[0, 1, 0, 0, 1, 0], [0, 1, 1, 1, 1, 0]]
    free = {"base_matrix": [[None] * 6] * 6}
    check = RULES["calculate_answer_function_yinyang"]
    assert not check(grid, None, free)  # the inner zeros are cut off from the outer ones
    spiral = [[0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 0], [0, 1, 0, 0, 1, 0], [0, 1, 0, 1, 1, 0]]
    spiral += [[0, 1, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1]]
    assert check(spiral, None, free)
    square = [row[:] for row in spiral]
    square[0][0] = square[0][1] = square[1][0] = 1
    assert not check(square, None, free)


def test_an_equation_may_have_its_terms_in_any_order():
    check = RULES["compare_expression_function"]
    assert check({"equation": "3 + 4 = 7"}, ["4 + 3 = 7"], {})
    assert check({"equation": "2*3*4 = 24"}, ["4*3*2 = 24"], {})
    assert not check({"equation": "3 - 4 = -1"}, ["4 - 3 = 1"], {})


def test_all_functions_of_the_benchmark_are_there():
    numbered = {f"calculate_answer_function_{n}" for n in range(1, 13)}
    grids = {
        f"calculate_answer_function_{n}"
        for n in ("hashi", "skyscraper", "sudoku_4", "sudoku_6", "yinyang")
    }
    others = {"match_answer_function", "multiple_match_function", "compare_expression_function"}
    others |= {"match_coordinate_function", "judge_24points_function"}
    assert set(RULES) == numbered | grids | others
