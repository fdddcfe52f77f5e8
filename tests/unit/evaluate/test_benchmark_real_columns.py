"""A small file with the exact columns of each benchmark's published file, read as the real one will be."""

import pytest
from benchmark_rows import ROWS as FILES

from r1v3.evaluate.items.load import load_asked

EXPECTED = {
    "mmmu_val": ("Question: Compare <image> with <image>.\nOptions:\nA. one", "C", "mcq"),
    "emma_mini": ("Look.\n\nWhat is in <image>?\n\nA: one\nB: two\n\nAnswer with", "B", "mcq"),
    "mmmu_pro_standard": ("Question: Which trend does <image> show?\nOptions:\nA. one", "F", "mcq"),
    "mmk12": ("<image>\nFind x ( )\nA. 1\nB. $\\frac{1}{2}$\nC. 2\nD. 3", "B", "mcq"),
    "mmstar": ("<image>\nQuestion: Which?\nOptions:", "D", "mcq"),
    "mmbench_en_v11": ("<image>\nHint: It is red.\nQuestion: Which?\nOptions:", "A", "mcq"),
    "hallusionbench": ("<image>\nIs it larger?", "A", "mcq"),
    "mathvista_mini": ("<image>\nHint: Please answer.\nQuestion: Find it.", "B", "mcq"),
    "mathverse_vision_only": ("<image>\nFirst think, then answer.", "D", "mcq"),
    "mathvision": ("<image>\nHow many?", "60", "open"),
    "wemath": ("<image>\nQuestion: What is the area?\nOptions:\nA. one", "B", "mcq"),
    "visulogic": ("<image>\nChoose A, B, C or D.\nSolve the complex visual", "C", "mcq"),
    "logicvista": ("<image>\nWhich two?", "AC", "mcq_multi"),
    "mme_reasoning": ("<image>\nFill the triangle.", "", "open"),
    "phyx_mini_mc": ("<image>\nHow fast is it?\nA. one", "A", "mcq"),
    "seephys": (
        "<image>\nFind the force.\nPlease answer this question with reasoning.",
        "F = 2 m g",
        "open",
    ),
    "mmmu_pro_vision": (
        "<image>\nAnswer the following multiple-choice question in the image.",
        "B",
        "mcq",
    ),
    "olympiadbench": (
        "The following is an open-ended problem from an International Physics",
        "8.1",
        "open",
    ),
    "csvqa": ("<image>\n以下是中国物理高中习题：求力。请依据", "2N", "open"),
    "gaokao_2025": ("<image>\n选出正确的\nA. one\nB. two", "AC", "mcq_multi"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_real_columns_are_read(name, table, tsv, picture, tmp_path):
    row = dict(FILES[name])
    count = row.pop("pictures", 1)
    colours = ("red", "blue")[:count]
    row["image"] = picture("red") if count == 1 else str([picture(colour) for colour in colours])
    item, pictures = next(load_asked(table[name], tsv([row]), tmp_path / "images"))
    start, gold, kind = EXPECTED[name]
    assert item.prompt.startswith(start)
    assert (item.golds[0], item.answer_type) == (gold, kind)
    assert len(pictures) == count == item.prompt.count("<image>")


def test_a_column_of_options_beside_their_own_is_not_printed_again(table, tsv, picture, tmp_path):
    more = {"image": picture(), "options": "A. one B. two C. three D. four"}
    [(item, _)] = load_asked(
        table["phyx_mini_mc"], tsv([FILES["phyx_mini_mc"] | more]), tmp_path / "images"
    )
    assert item.prompt == "<image>\nHow fast is it?\nA. one\nB. two\nC. three\nD. four"


def test_every_benchmark_has_its_columns_here(table):
    assert set(FILES) == set(EXPECTED) == set(table)


def test_olympiadbenchs_context_and_unit_are_asked_with(table, tsv, picture, tmp_path):
    row = FILES["olympiadbench"] | {"image": picture()}
    [(item, _)] = load_asked(table["olympiadbench"], tsv([row]), tmp_path)
    assert item.prompt.endswith("A star.\nFind the radius.\n<image>")
    assert item.tolerance == 0.1
