import pytest

from r1v3.evaluate.items.cells import read_list
from r1v3.evaluate.items.item import fill, make_item, place_images


def row(**columns):
    return {"index": "1", "pictures": "1", "question": "Which?", "answer": "B", **columns}


def test_pictures_stand_where_the_text_marks_them():
    text, order = place_images("See <image 2>, then <image 1>.", 2, "marked")
    assert text == "See <image>, then <image>."
    assert order == (1, 0)


def test_the_marks_of_other_benchmarks_are_read_too():
    assert place_images("a <image_1> b <image2>", 2, "marked") == ("a <image> b <image>", (0, 1))


def test_a_picture_without_a_mark_comes_first():
    assert place_images("only <image 2>", 2, "marked") == ("<image>\nonly <image>", (0, 1))


def test_a_mark_without_a_picture_vanishes():
    assert place_images("a <image 3> b", 1, "marked") == ("<image>\na  b", (0,))


def test_a_picture_marked_twice_is_shown_twice():
    assert place_images("<image 1> <image 1>", 1, "marked") == ("<image> <image>", (0, 0))


def test_pictures_come_first_or_last_where_nothing_is_marked():
    assert place_images("q", 2, "first") == ("<image>\n<image>\nq", (0, 1))
    assert place_images("q", 1, "last") == ("q\n<image>", (0,))
    assert place_images("q", 0, "first") == ("q", ())


def test_a_line_whose_columns_are_all_empty_is_left_out(table):
    assert fill("Hint: {hint}\nQ: {question}", row(hint=""), table["mmstar"], None) == "Q: Which?"


def test_the_answer_is_never_filled_into_the_prompt(table):
    text = fill("{question} \\boxed{answer}", row(), table["mmstar"], None)
    assert text == "Which? \\boxed{answer}"


def test_mmmu_asks_as_vlmevalkit_does(table):
    item = make_item(
        row(question="What is in <image 1>?", A="a cat", B="None", category="Art", id="x"),
        table["mmmu_val"],
    )
    assert item.prompt == (
        "Question: What is in <image>?\nOptions:\nA. a cat\nB. None\n"
        "Please select the correct answer from the options above. "
    )
    assert item.options == ("a cat", "None")


def test_an_open_item_of_mmmu_stays_open_and_takes_any_of_its_answers(table):
    item = make_item(row(answer="['1/3', '0.33']"), table["mmmu_val"])
    assert (item.answer_type, item.golds, item.options) == ("open", ("1/3", "0.33"), None)


def test_emma_reads_its_options_from_a_list(table):
    item = make_item(row(options="['x', 'y']", context="Given <image_1>."), table["emma_mini"])
    assert item.prompt.startswith("Given <image>.\n\nWhich?\n\nA: x\nB: y\n\nAnswer with")


def test_a_letter_beyond_the_options_is_refused(table):
    with pytest.raises(ValueError, match="answer 'D' is none of A, B"):
        make_item(row(answer="D", A="x", B="y"), table["mmstar"])


def test_several_letters_are_a_sorted_set(table):
    item = make_item(row(answer="c, A"), table["logicvista"])
    assert (item.golds, item.answer_type) == (("AC",), "mcq_multi")


def test_lists_are_read_as_python_as_json_or_as_one():
    assert read_list("['a', 'b']") == ["a", "b"]
    assert read_list('["a", null]') == ["a", None]
    assert read_list("abc") == ["abc"]
    assert read_list("") == []
