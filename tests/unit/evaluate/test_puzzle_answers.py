"""MME-Reasoning from a model's text to a verdict, for each form in which answers are written."""

import json

import pytest

from r1v3.evaluate.benchmarks import mme_reasoning
from r1v3.evaluate.benchmarks.puzzle_answers import PuzzleRow, read_ids, read_pairs, read_structure
from r1v3.evaluate.judge import judge_many, judge_response
from r1v3.reward import Grader

SUDOKU = [[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]]
EMPTY = json.dumps({"base_matrix": [[None] * 4, [None] * 4, [None] * 4, [4, None, None, None]]})
ISLANDS = (
    '{"init_islands": [{"cord": "a1", "requirement": 3}, {"cord": "c1", "requirement": 2},'
    ' {"cord": "a3", "requirement": 1}]}'
)


def item_of(table, function, answer="", info=""):
    row = {"index": "1", "pictures": "1", "question": "?", "question_type": "rule"}
    row |= {"capability": "", "reasoning_type": "", "function_id": function}
    [item] = mme_reasoning.items_of_row(
        row | {"answer": answer, "special_info": info}, table["mme_reasoning"]
    )
    return item


def verdict(table, item, answer):
    return judge_response(
        item, f"thought</think>\n{answer}", table["mme_reasoning"]
    ).verdict.correct


def lines(between: str, start: str = "", end: str = "") -> str:
    return "\n".join(start + between.join(map(str, row)) + end for row in SUDOKU)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (r"\boxed{4 + 3 = 7}", True),
        (r"$\boxed{3 + 4 = 7}$", True),
        ("The right equation to solve the problem is: 4 + 3 = 7", True),
        ('```json\n{"equation": "3 + 4 = 7"}\n```', True),
        (r"\boxed{4 + 4 = 8}", False),
        (r"\boxed{7}", None),
        (r"\boxed{4 + = 7}", None),
        (r"\boxed{4 + 3 = 7 \text{ or } 5 + 2 = 7}", None),
    ],
)
def test_an_equation_is_read_and_its_terms_may_change_places(table, answer, right):
    item = item_of(table, "compare_expression_function", "['3 + 4 = 7']")
    assert verdict(table, item, answer) is right


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (r"\boxed{(A, 1)}", True),
        ("The possible answer is: (A, 1)", True),
        (r"\boxed{(\text{A}, 1)}", True),
        (r"\boxed{A1}", True),
        (r"\boxed{\text{row A, column 1}}", True),
        ('[{"row": "A", "column": 1}]', True),
        (r"\boxed{(A, 2)}", False),
        (r"\boxed{(A, 1), (B, 3)}", False),
        (r"\boxed{\text{the corner}}", None),
    ],
)
def test_a_place_is_read_by_row_and_column(table, answer, right):
    item = item_of(table, "match_coordinate_function", '[{"row": "A", "column": 1}]')
    assert verdict(table, item, answer) is right


def test_two_places_keep_their_order(table):
    both = '[{"row": "A", "column": 1}, {"row": "B", "column": 3}]'
    item = item_of(table, "match_coordinate_function", both)
    assert verdict(table, item, "The possible answer is: (A, 1), (B, 3)") is True
    assert verdict(table, item, r"\boxed{(B, 3), (A, 1)}") is False


@pytest.mark.parametrize(
    ("right", "answer", "expected"),
    [
        ("[['A', 'C']]", r"\boxed{A, C}", True),
        ("[['A', 'C']]", r"\boxed{\{C, A\}}", True),
        ("[['A', 'C']]", "The possible answer is: A, C", True),
        ("[['A', 'C']]", r"\boxed{\text{balls A and C}}", True),
        ("[['A', 'C']]", '{"id": ["C", "A"]}', True),
        ("[['A', 'C']]", r"\boxed{A}", False),
        ("[['A'],['B']]", r"\boxed{A}", True),
        ("[['A'],['B']]", r"\boxed{B}", True),
        ("[['A'],['B']]", r"\boxed{A, B}", False),
        ("[['A'],['B']]", r"\boxed{\text{the heavy one}}", None),
        ("['46']", r"\boxed{46}", True),
        ("['46']", r"\boxed{4.6}", False),
        ("[[1, 3]]", r"\boxed{3, 1}", True),
        ("['red', 'blue']", r"\boxed{Red}", True),
        ("C", r"\boxed{C}", True),
    ],
)
def test_ids_are_compared_as_sets_with_each_right_answer(table, right, answer, expected):
    item = item_of(table, "multiple_match_function", right)
    assert verdict(table, item, answer) is expected


@pytest.mark.parametrize(
    "answer",
    [
        "The possible answer is: A:5, B:1, C:2",
        "So:\n- A: 5\n- B: 1\n- C: 2",
        "**A** = 5\n**B** = 1\n**C** = 2",
        r"\boxed{A = 5,\; B = 1,\; C = 2}",
        r"\boxed{\{A: 5, B: 1, C: 2\}}",
        "First I tried A: 2, B: 5, C: 1. Now:\nA: 5\nB: 1\nC: 2\nCheck: A + B + C = 8",
        "| A | 5 |\n\nso A is 5, B is 1 and C is 2.",
    ],
)
def test_pairs_are_read_from_one_line_or_many(table, answer):
    item = item_of(table, "match_answer_function", '{"A": 5, "B": 1, "C": 2}')
    assert verdict(table, item, answer) is True
    assert verdict(table, item, answer.replace("5", "6")) is False


def test_pairs_may_lead_from_numbers_to_letters_and_half_an_answer_is_none(table):
    item = item_of(table, "match_answer_function", '{"1": "A", "2": "B", "3": "C"}')
    assert verdict(table, item, "The possible answer is: 1:A, 2:B, 3:C") is True
    assert verdict(table, item, "The possible answer is: 1:B, 2:A, 3:C") is False
    assert verdict(table, item, "The possible answer is: 1:A, 2:B") is None


def test_a_ratio_of_nothing_is_wrong_and_stops_nothing(table):
    item = item_of(table, "calculate_answer_function_1")
    assert verdict(table, item, r"\boxed{A: 6, B: 2, C: 4}") is True
    assert verdict(table, item, r"\boxed{A: 6, B: 0, C: 4}") is False


@pytest.mark.parametrize(
    "answer",
    [
        "Final:\n```\n" + lines(" ") + "\n```",
        lines(" | ", "| ", " |"),
        "| 1 | 2 | 3 | 4 |\n|---|---|---|---|\n" + lines(" | ", "| ", " |").partition("\n")[2],
        lines(", ", "[", "],"),
        "[" + lines(", ", "[", "],") + "]",
        r"\boxed{\begin{bmatrix} " + lines(" & ", end=r" \\ ") + r"\end{bmatrix}}",
        r"\[\boxed{\begin{array}{|c|c|c|c|}\hline "
        + lines("&", end=r"\\ \hline")
        + r"\end{array}}\]",
        "Row 1: 1 2 3 4\nRow 2: 3 4 1 2\nRow 3: 2 1 4 3\nRow 4: 4 3 2 1\n\nAll rows are right.",
        lines(""),
        f"```python\n{SUDOKU}\n```\nThis keeps all the rules.",
    ],
)
def test_a_grid_is_read_as_rows_tables_matrices_and_json(table, answer):
    item = item_of(table, "calculate_answer_function_sudoku_4", info=EMPTY)
    assert verdict(table, item, answer) is True
    changed = answer.replace("4", "#").replace("2", "4").replace("#", "2")
    assert verdict(table, item, changed) is False  # another sudoku, but it moves the printed 4


def test_a_grid_of_another_size_or_with_words_is_no_answer(table):
    item = item_of(table, "calculate_answer_function_sudoku_4", info=EMPTY)
    assert verdict(table, item, "1 2 3 4\n3 4 1 2\n2 1 4 3") is None
    assert verdict(table, item, "I cannot fill it.") is None


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Draw two bridges from a1 to c1, and one bridge between a1-a3", True),
        (
            "Connect a1 with c1 using a double bridge\nConnect a1 with a3 using a single bridge",
            True,
        ),
        (r"\boxed{a1 - c1: 2, a1 - a3: 1}", True),
        ("- a1 to c1 (2)\n- a1 to a3 (1)", True),
        ("a1到c1: 2\na1到a3: 1", True),
        ("a1=c1, a1-a3", True),
        (
            '[{"start": "a1", "end": "c1", "number": 2}, {"start": "a1", "end": "a3", "number": 1}]',
            True,
        ),
        ("One bridge from a1 to c1 and two bridges from a1 to a3", False),
        ("a1 needs three bridges.", None),
    ],
)
def test_bridges_are_read_from_sentences_and_lists(table, answer, right):
    item = item_of(table, "calculate_answer_function_hashi", info=ISLANDS)
    assert verdict(table, item, answer) is right


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("The possible answer is (K - 9 - A) × 8 = 24", True),
        (r"\boxed{24 = (13 - 9 - 1) \times 8}", True),
        (r"\boxed{\left(13-9-1\right)\cdot 8}", True),
        (r"\boxed{(13-9-1)*9}", False),
        (r"\boxed{__import__('os')}", None),
        (r"\boxed{\text{none}}", None),
    ],
)
def test_a_formula_of_24_is_read_in_anyones_signs(table, answer, right):
    item = item_of(table, "judge_24points_function", info='{"init_cards": [1, 8, 9, 13]}')
    assert verdict(table, item, answer) is right


class Yes:
    """A verifier that says yes and records the questions."""

    def __init__(self):
        self.asked = []

    def judge_many(self, items):
        from r1v3.reward.verifier.verifier import Judgement

        self.asked += items
        return [Judgement(True, "the same") for _ in items]


def test_what_no_rule_can_read_goes_to_the_verifier_where_there_is_an_answer(table):
    entry = table["mme_reasoning"]
    stated = item_of(table, "match_coordinate_function", '[{"row": "A", "column": 1}]')
    free = item_of(table, "calculate_answer_function_10")
    asked = [(stated, r"\boxed{the corner}"), (free, r"\boxed{no idea}")]
    asked.append((stated, r"\boxed{(A, 2)}"))
    with Grader(workers=1) as grader:
        found = judge_many(asked, entry, grader)
    assert [one.verdict.correct for one in found] == [None, None, False]
    verifier = Yes()
    with Grader(verifier, workers=1) as grader:
        found = judge_many(asked, entry, grader)
    assert [one.verdict.correct for one in found] == [True, None, False]
    assert [extracted for _, _, extracted in verifier.asked] == ["the corner"]


def test_readers_survive_what_no_person_writes():
    assert read_structure("[" * 5000) is None
    assert read_structure("[1, {'a': 2}] and {3: 4}") == {3: 4}
    assert read_pairs("A: " * 3000, PuzzleRow(("A", "B"))) is None
    assert read_ids("A " * 5000, PuzzleRow(answer=[["A"]])) is None
