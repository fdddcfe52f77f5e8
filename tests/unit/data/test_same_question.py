"""Duplicates within a set: two questions are one only if they ask the same about the same picture."""

import json
from pathlib import Path

import pytest
from data_fixtures import listed, source_config
from picture_files import saved
from PIL import Image, ImageDraw, ImageFont

from r1v3.data.decontamination.question_text import question_words
from r1v3.data.prepare import prepare
from r1v3.data.records import read_records

BASE = {"answer_type": "fill", "domain": "logic", "difficulty": "k12", "language": "en"}
TEMPLATE = (
    "What is the missing number of the part denoted with a question mark in this figure below?"
)
PASSAGE = (
    "Read the passage. A. Smith wrote to B. Jones that in the spring of that year the town had bought "
    "the old mill by the river, that the price was low, and that nobody knew what would become of it, since "
    "the bridge had fallen and the road was closed; the miller had moved to the coast long before."
)


def grid(numbers: str) -> Image.Image:
    image = Image.new("RGB", (420, 420), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(48)
    for place, number in enumerate(numbers):
        left, top = 20 + 130 * (place % 3), 20 + 130 * (place // 3)
        pen.rectangle((left, top, left + 120, top + 120), outline="black", width=3)
        pen.text((left + 45, top + 32), number, fill="black", font=font)
    return image


def kept(folder: Path, *rows: dict) -> list[str]:
    lines = [
        BASE | {"id": f"q{n}", "question": TEMPLATE, "answer": "4"} | row
        for n, row in enumerate(rows)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    source = listed(folder / "rows.jsonl")
    prepare(source_config(source, 100, duplicates="drop"), folder / "set")
    return [record.id for record in read_records(folder / "set")]


def written(folder: Path, name: str, image: Image.Image, kind: str = "PNG", **options) -> str:
    (folder / name).write_bytes(saved(image, kind, **options))
    return name


def test_one_wording_for_many_figures_makes_many_questions(tmp_path):
    images = [written(tmp_path, f"{n}.png", grid(f"1234{n}678?")) for n in range(5)]
    assert len(kept(tmp_path, *({"images": [name]} for name in images))) == 5


def test_the_same_figure_packed_anew_makes_no_other_question(tmp_path):
    image = grid("12345678?")
    names = [
        written(tmp_path, "a.png", image),
        written(tmp_path, "b.jpg", image, "JPEG", quality=40),
        written(tmp_path, "c.png", image.resize((260, 260))),
        written(tmp_path, "d.png", image.convert("L")),
    ]
    assert kept(tmp_path, *({"images": [name]} for name in names)) == ["q0"]


def test_another_figure_in_one_of_two_places_makes_another_question(tmp_path):
    a, b, c = (written(tmp_path, f"{n}.png", grid(n * 8 + "?")) for n in "123")
    assert kept(tmp_path, {"images": [a, b]}, {"images": [a, c]}, {"images": [a, b]}) == [
        "q0",
        "q1",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"answer": "4"}, {"answer": "-4"}),
        ({"options": ["1", "2"]}, {"options": ["1", "3"]}),
        ({"options": None}, {"options": ["1", "2"]}),
        ({"question": f"{TEMPLATE} A. 1 B. 2"}, {"question": f"{TEMPLATE} A. 1 B. 3"}),
        ({"question": f"{TEMPLATE} Here AB is 5."}, {"question": f"{TEMPLATE} Here AB is 6."}),
        ({"question": f"{TEMPLATE} Take point P."}, {"question": f"{TEMPLATE} Take point Q."}),
        (
            {"question": f"{PASSAGE} Who sold the mill?"},
            {"question": f"{PASSAGE} Why was it cheap at all?"},
        ),
        (
            {"question": f"{PASSAGE} Who wrote? A. he B. she"},
            {"question": f"{PASSAGE} Who wrote? A. she B. they"},
        ),
    ],
)
@pytest.mark.parametrize("pictured", [False, True])
def test_what_asks_for_something_else_is_another_question(tmp_path, one, other, pictured):
    images = {"images": [written(tmp_path, "a.png", grid("12345678?"))]} if pictured else {}
    assert kept(tmp_path, images | one, images | other, images | one) == ["q0", "q1"]


def test_every_drop_says_file_row_reason_and_detail_and_shows_three_examples(tmp_path):
    """Check ten rows: five are one question, one has no answer, and two are more than the set's size."""
    name = written(tmp_path, "a.png", grid("12345678?"))
    same = [{"images": [name]}] * 5
    others = [{"question": f"How many in {n}?"} for n in range(4)]
    rows = [*same, {"answer": None, "images": [name]}, *others]
    lines = [
        BASE | {"id": f"q{n}", "question": TEMPLATE, "answer": "4"} | row
        for n, row in enumerate(rows)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    source = listed(tmp_path / "rows.jsonl")
    facts = prepare(source_config(source, 3, duplicates="drop"), tmp_path / "set")
    found = facts["rejected_by_source"]["made"]
    assert {
        s: {r: each["count"] for r, each in reasons.items()} for s, reasons in found.items()
    } == {
        "valid": {"missing field": 1},
        "duplicate": {"same text and picture": 4},
        "drawn": {"more than asked for": 2},
    }
    shown = found["duplicate"]["same text and picture"]["examples"]
    assert [each["where"] for each in shown] == [f"made/rows.jsonl:{n}" for n in (2, 3, 4)]
    assert all(each["thumbnail"].startswith("data:image/jpeg;base64,") for each in shown)
    assert "thumbnail" in found["valid"]["missing field"]["examples"][0]
    listed_lines = (tmp_path / "set" / "rejected.jsonl").read_text().splitlines()
    for line in map(json.loads, listed_lines):
        assert line["where"].startswith("made/rows.jsonl:")
        assert line["reason"]
        assert line["detail"]


def test_options_in_another_order_make_no_other_question(tmp_path):
    choice = {"answer_type": "mcq"}
    assert kept(
        tmp_path,
        choice | {"options": ["one", "two", "three"], "answer": "B"},
        choice | {"options": ["three", "one", "two"], "answer": "C"},
        choice | {"options": ["three", "one", "two"], "answer": "A"},
    ) == ["q0", "q2"]


def test_only_the_last_list_of_options_is_left_out_of_what_a_question_says():
    question = f"{PASSAGE} A. x B. y Which is true of the passage? A. this B. that"
    assert question_words(question, None).endswith("A. x B. y Which is true of the passage?")
