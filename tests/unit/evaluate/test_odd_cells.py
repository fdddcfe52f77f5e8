"""Cells of a benchmark's file as other programs write them: lists, letters, yes and no, lost backslashes."""

import pytest
from benchmark_rows import ROWS

from r1v3.evaluate.items.load import load_benchmark
from r1v3.evaluate.judge import judge_response

PRO = {**ROWS["mmmu_pro_standard"], **dict.fromkeys("ABCDEFG", "")}


def loaded(table, tsv, picture, name, row):
    return load_benchmark(table[name], tsv([{"image": picture(), **row}], name))


def read(table, tsv, picture, name, row):
    [item] = loaded(table, tsv, picture, name, row).items
    return item.golds, item.options


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("[['x', 'y', 'z']]", ("x", "y", "z")), ("[\"['x', 'y']\"]", ("x", "y")),
        ("array(['x', 'y', 'z'], dtype=object)", ("x", "y", "z")), ("{'A': 'x', 'B': 'y'}", ("x", "y")),
        ('{"A": "x", "B": "y"}', ("x", "y")), ("[1 2 3]", ("1", "2", "3")),
        ("[np.str_('x'), np.str_('y')]", ("x", "y")), ("['x'\n 'y'\n 'z']", ("x", "y", "z")),
        ("['$\\frac{1}{2}$', '$\\beta$']", ("$\\frac{1}{2}$", "$\\beta$")), ("A. x\nB. y", ("x", "y")),
    ],
)  # fmt: skip
def test_one_cell_may_hold_all_options(table, tsv, picture, cell, options):
    row = PRO | {"A": cell, "answer": "B"}
    assert read(table, tsv, picture, "mmmu_pro_standard", row) == (("B",), options)


@pytest.mark.parametrize(
    "gold",
    ["Option B", "\\boxed{B}", "$\\text{B}$", "Ｂ", "Answer: B", "选项B", "1.30", "(b)", "['B']"],
)
def test_a_choices_answer_names_its_option_in_many_ways(table, tsv, picture, gold):
    row = PRO | {"A": "1.2", "B": "1.3", "C": "1.4", "answer": gold}
    assert read(table, tsv, picture, "mmmu_pro_standard", row)[0] == ("B",)


@pytest.mark.parametrize("gold", ["E", "Option E", "A or B", "1.35", "?", "nan", "None", "B and C"])
def test_an_answer_that_names_no_option_is_said(table, tsv, picture, gold):
    rows = [PRO | {"A": "1.2", "B": "1.3", "C": "1.4", "index": n} for n in (1, 2)]
    rows[0]["answer"], rows[1]["answer"] = gold, "A"
    rows = [{"image": picture(), **row} for row in rows]
    found = load_benchmark(table["mmmu_pro_standard"], tsv(rows, "mmmu_pro_standard"))
    assert len(found.unreadable) == 1
    assert found.unreadable[0].row == "1 (line 2)"


@pytest.mark.parametrize(
    ("name", "gold", "letters"),
    [
        ("logicvista", "A and D", "AD"), ("logicvista", "Both A and D", "AD"),
        ("logicvista", "['D', 'A']", "AD"),
        ("logicvista", "a;d", "AD"), ("gaokao_2025", "[A, C]", "AC"), ("gaokao_2025", "['A', 'C']", "AC"),
        ("gaokao_2025", "AC。", "AC"), ("gaokao_2025", "A和C", "AC"), ("gaokao_2025", "Ａ、Ｃ", "AC"),
        ("csvqa", "A and B", "AB"), ("csvqa", "B。", "B"),
    ],
)  # fmt: skip
def test_letters_are_read_and_words_between_them_are_not(table, tsv, picture, name, gold, letters):
    row = ROWS[name] | {"answer": gold}
    if name == "csvqa":
        row |= {"question_type": "single"} | {f"{x}_{y}": y for x in ("zh", "en") for y in "ABCD"}
    assert {item.golds for item in loaded(table, tsv, picture, name, row).items} == {(letters,)}


@pytest.mark.parametrize(
    ("gold", "letter"),
    [("1", "A"), ("0", "B"), ("1.0", "A"), ("True", "A"), ("no.", "B"), ("是", "A"), ("否", "B"), ("N", "B")],
)  # fmt: skip
def test_yes_and_no_have_many_names(table, tsv, picture, gold, letter):
    row = ROWS["hallusionbench"] | {"answer": gold}
    assert read(table, tsv, picture, "hallusionbench", row)[0] == (letter,)


@pytest.mark.parametrize(("gold", "read_as"), [("['12', nan]", ("12",)), ("['', '12']", ("12",))])
def test_an_empty_cell_is_no_right_answer(table, tsv, picture, gold, read_as):
    row = ROWS["mmmu_val"] | dict.fromkeys("ABCDE", "") | {"question_type": "open"}
    assert read(table, tsv, picture, "mmmu_val", row | {"answer": gold})[0] == read_as


@pytest.mark.parametrize("gold", ["[]", "['']", "[nan]"])
def test_a_list_of_no_answers_is_an_unreadable_row(table, tsv, picture, gold):
    row = ROWS["mmmu_val"] | dict.fromkeys("ABCDE", "") | {"question_type": "open"}
    rows = [row | {"answer": gold}, row | {"answer": "12", "index": 4}]
    rows = [{"image": picture(), **row} for row in rows]
    [lost] = load_benchmark(table["mmmu_val"], tsv(rows, "mmmu_val")).unreadable
    assert "without a right answer" in lost.reason


@pytest.mark.parametrize("name", ["mathvision", "gaokao_2025"])
def test_a_backslash_that_became_a_form_feed_is_put_back(table, tsv, picture, name):
    gold = "\x0crac{36}{13}"
    row = ROWS[name] | {"answer": gold, "type": "fill"} | dict.fromkeys("ABCD", "")
    [item] = loaded(table, tsv, picture, name, row).items
    assert item.golds == ("\\frac{36}{13}",)
    assert judge_response(item, "x</think>\\boxed{\\frac{36}{13}}", table[name]).verdict.correct


def test_points_may_have_their_unit(table, tsv, picture):
    row = ROWS["gaokao_2025"] | {"points": "6分"}
    assert loaded(table, tsv, picture, "gaokao_2025", row).items[0].points == 6


def test_an_empty_list_of_options_may_be_written_as_none(table, tsv, picture):
    row = ROWS["mathvision"] | {"choices": "None", "answer": "5"}
    assert read(table, tsv, picture, "mathvision", row) == (("5",), None)
