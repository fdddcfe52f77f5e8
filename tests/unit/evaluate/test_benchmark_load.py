from pathlib import Path

import pytest
from PIL import Image

from r1v3.evaluate.items.load import load_asked, load_benchmark, load_items


def choice(index, image, **more):
    options = {"question": "Which?", "A": "x", "B": "y", "answer": "A"}
    return {"index": index, "image": image, **options, "category": "c", "l2_category": "d", **more}


def test_pictures_are_decoded_once_to_files_named_by_content(table, tsv, picture, tmp_path):
    path = tsv([choice(1, picture("red")), choice(2, picture("red")), choice(3, picture("blue"))])
    asked = list(load_asked(table["mmstar"], path, tmp_path / "images"))
    first, second, third = (pictures for _, pictures in asked)
    assert first == second != third
    assert len(list((tmp_path / "images").rglob("*.png"))) == 2
    assert Image.open(third[0]).getpixel((0, 0)) == (0, 0, 255)


def test_a_row_may_refer_to_the_picture_of_another_even_of_a_later_one(
    table, tsv, picture, tmp_path
):
    path = tsv([choice(1, "2"), choice(2, picture())])
    asked = {item.key: files for item, files in load_asked(table["mmstar"], path, tmp_path)}
    assert asked["1"] == asked["2"]


def test_a_reference_to_nothing_is_an_error(table, tsv, picture):
    loaded = load_benchmark(table["mmstar"], tsv([choice(1, "9"), choice(2, picture())]))
    [unreadable] = loaded.unreadable
    assert unreadable.row == "1 (line 2)"
    assert unreadable.reason == "it has the picture of row '9', which is not there"


def test_several_pictures_come_in_the_order_of_the_marks(table, tsv, picture, tmp_path):
    both = str([picture("red"), picture("blue")])
    path = tsv(
        [
            choice(
                1,
                both,
                question="<image 2> and <image 1>",
                split="validation",
                **{"l2-category": "e"},
            )
        ]
    )
    [(item, files)] = load_asked(table["mmmu_val"], path, tmp_path / "images")
    assert item.prompt.count("<image>") == 2
    assert [Image.open(file).getpixel((0, 0))[0] for file in files] == [0, 255]


def test_pictures_may_be_paths_beside_the_file(table, tsv, tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "one.png")
    row = choice(1, "", image_path="one.png")
    [(_, files)] = load_asked(table["mmstar"], tsv([row]), tmp_path / "images")
    assert files == [tmp_path / "one.png"]


def test_a_missing_picture_file_is_named(table, tsv):
    with pytest.raises(ValueError, match=r"gone\.png is not there"):
        list(load_asked(table["mmstar"], tsv([choice(1, "", image_path="gone.png")]), Path("x")))


def test_other_splits_and_rows_without_a_picture_are_left_out(table, tsv, picture):
    rows = [
        choice(1, picture(), split="validation", **{"l2-category": "e"}),
        choice(2, picture(), split="dev", **{"l2-category": "e"}),
        choice(3, "", split="validation", **{"l2-category": "e"}),
    ]
    assert [item.key for item in load_items(table["mmmu_val"], tsv(rows))] == ["1"]


def test_an_exam_question_needs_no_picture(table, tsv):
    row = {"index": 1, "type": "fill", "points": 5, "question": "2+2", "image": "", "answer": "4"}
    [item] = load_items(table["gaokao_2025"], tsv([row]))
    assert (item.prompt, item.images, item.points) == ("2+2", (), 5.0)


def test_missing_columns_are_named(table, tsv, picture):
    row = {"index": 1, "question": "q", "image": picture(), "answer": "A"}
    with pytest.raises(ValueError, match="no column category, l2_category"):
        load_items(table["mmstar"], tsv([row]))


def test_two_rows_with_one_index_are_an_error(table, tsv, picture):
    loaded = load_benchmark(table["mmstar"], tsv([choice(1, picture()), choice(1, picture())]))
    assert [item.key for item in loaded.items] == ["1"]
    [unreadable] = loaded.unreadable
    assert unreadable.reason == "two items have the key '1'"
    assert [item.key for item in unreadable.stand_ins] == ["1 (line 3)"]


def test_an_option_that_says_none_is_an_option(table, tsv, picture):
    [item] = load_items(table["mmstar"], tsv([choice(1, picture(), B="None")]))
    assert item.options == ("x", "None")
