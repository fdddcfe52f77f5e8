"""Options, kinds and pictures as different programs write them, in published files and one's own."""

import base64
import io
import json

import pytest
from benchmark_rows import ROWS
from evaluation_fixtures import published_config
from PIL import Image

from r1v3.evaluate.items.load import load_asked, load_benchmark
from r1v3.evaluate.items.rows import read_benchmark_rows
from r1v3.evaluate.items.source import obtain_file, obtain_or_report
from r1v3.evaluate.judge import judge_response
from r1v3.recipe.tables.benchmarks import OwnBenchmark

CIRCLE = "Circle O has radius 1. Then BC is"


def loaded(table, tsv, picture, name, **changes):
    row = {"image": picture(), **ROWS[name], **changes}
    return load_benchmark(table[name], tsv([row], name))


def verdict(table, loaded_rows, name, said):
    [item] = loaded_rows.items
    return judge_response(item, f"x</think>{said}", table[name]).verdict.correct


LISTED = [
    "{}\nChoices:\na:2\nb:6\nc:3\nd:8", "{}\nChoices: ['2', '6', '3', '8']", "{}\nChoices: A:2 B:6 C:3 D:8",
    "{}\n| A | B | C | D |\n|---|---|---|---|\n| 2 | 6 | 3 | 8 |",
    "{}\n| A | 2 |\n| B | 6 |\n| C | 3 |\n| D | 8 |",
    "{}\r\nChoices:\r\nA:2\r\nB:6\r\nC:3\r\nD:8", "{}\nA. 2\nB. 6\nC. 3\nD. 8\nAnswer with the letter.",
]  # fmt: skip


@pytest.mark.parametrize("listed", LISTED)
def test_a_value_stands_for_its_letter_in_any_layout_of_question_for_eval(
    table, tsv, picture, listed
):
    name = "mathverse_vision_only"
    for letter, value in zip("ABCD", (2, 6, 3, 8), strict=True):
        asked = {"question_for_eval": listed.format(CIRCLE), "answer": letter}
        found = loaded(table, tsv, picture, name, **asked)
        assert verdict(table, found, name, f"\\boxed{{{value}}}")
        assert not verdict(table, found, name, "\\boxed{5}")


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("mathverse_vision_only", {"question_type": "Multi_Choice "}),
        ("mathvista_mini", {"question_type": "multi-choice"}),
        ("gaokao_2025", {"type": "多选题"}), ("gaokao_2025", {"type": "Multiple"}),
    ],
)  # fmt: skip
def test_a_kind_may_be_spelled_in_another_way(table, tsv, picture, name, kinds):
    more = {"question_for_eval": LISTED[0]} if "mathverse" in name else {}
    [item] = loaded(table, tsv, picture, name, **kinds, **more).items
    assert item.answer_type.startswith("mcq")


@pytest.mark.parametrize(
    "metadata", ["{'subject': 'x'", "nan", "[1]", '{"subject": null, "subfield": "Angle"}']
)
def test_damaged_metadata_cost_no_row(table, tsv, picture, metadata):
    found = loaded(table, tsv, picture, "mathverse_vision_only", metadata=metadata)
    assert found.unreadable == []
    assert found.items[0].columns["subject"] == ""


@pytest.mark.parametrize("name", ["mathverse_vision_only", "mathvista_mini", "gaokao_2025"])
def test_a_kind_that_is_none_is_said(table, tsv, picture, name):
    column = "type" if name == "gaokao_2025" else "question_type"
    rows = [{"image": picture(), **ROWS[name]} for _ in range(2)]
    rows[1] |= {"index": 99, column: "essay"}
    [lost] = load_benchmark(table[name], tsv(rows, name)).unreadable
    assert lost.row.startswith("99 (line ")
    assert f"{column} must be " in lost.reason
    assert "not 'essay'" in lost.reason


@pytest.mark.parametrize(
    "options",
    [
        "['A. one', 'B. two']", "['(A) one', '(B) two']", "['<b>one</b>', '<i>two</i>']", "one|two",
        "[{'label': 'A', 'text': 'one'}, {'label': 'B', 'text': 'two'}]", "[{'A': 'one'}, {'B': 'two'}]",
        "['one\\n', ' two']", "A: one\nB: two", "one\ntwo",
    ],
)  # fmt: skip
@pytest.mark.parametrize("gold", ["B", "two", "(B) two"])
def test_the_text_of_an_option_is_read_without_its_dress(table, tsv, picture, options, gold):
    found = loaded(table, tsv, picture, "emma_mini", options=options, answer=gold)
    assert [item.golds for item in found.items] == [("B",)]
    for said, right in (("two", True), ("\\boxed{B}", True), ("one", False), ("A. one", False)):
        assert verdict(table, found, "emma_mini", said) is right


def test_options_that_stand_in_the_picture_are_letters(table, tsv, picture):
    found = loaded(table, tsv, picture, "mathvision", choices="['', '', '', '', '']", answer="C")
    assert verdict(table, found, "mathvision", "The answer is option C.")


def test_a_list_of_one_right_answer_is_that_answer(table, tsv, picture):
    found = loaded(table, tsv, picture, "mathvision", answer="['60']")
    assert verdict(table, found, "mathvision", "\\boxed{60}")


def test_mathvistas_lists_need_no_brackets(table, tsv, picture):
    row = {"question_type": "free_form", "answer_type": "list", "answer": "[1, 2, 3]"}
    found = loaded(table, tsv, picture, "mathvista_mini", **row)
    for said, right in (("[1, 2, 3]", True), ("\\boxed{1, 2, 3}", True), ("[1, 3]", False)):
        assert verdict(table, found, "mathvista_mini", said) is right


def test_logicvistas_numbered_options_are_asked_for_as_a_number(table, tsv, picture):
    found = loaded(table, tsv, picture, "logicvista", question="Select from 1-5", answer="3")
    for said, right in (("3", True), ("\\boxed{3}", True), ("4", False), ("C", False)):
        assert verdict(table, found, "logicvista", said) is right


CSVQA = {"question_type": "choice"} | {
    f"{language}_{letter}": text
    for language, texts in (("zh", "一二三四"), ("en", ("one", "two", "three", "four")))
    for letter, text in zip("ABCD", texts, strict=True)
}


def test_csvqas_right_answer_may_be_the_text_of_an_option(table, tsv, picture):
    for gold in ("two", "二", "B"):
        found = loaded(table, tsv, picture, "csvqa", **CSVQA, answer=gold)
        assert {item.golds for item in found.items} == {("B",)}


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("csvqa", {"zh_question": ""}, "the column zh_question is empty"),
        ("csvqa", {**CSVQA, "answer": "five"}, "'five' of a choice names none"),
        ("gaokao_2025", {"type": "single"}, "the type is single, and the answer 'AC' has several"),
        ("gaokao_2025", {"question": "", "image": ""}, "neither a question nor a picture"),
    ],
)
def test_a_row_that_cannot_be_asked_or_judged_is_named(table, tsv, picture, name, changes, reason):
    rows = [{"image": picture(), **ROWS[name]} for _ in range(2)]
    rows[1] |= {"index": 99, **changes}
    [lost] = load_benchmark(table[name], tsv(rows, name)).unreadable
    assert lost.row == "99 (line 3)"
    assert reason in lost.reason


def own(folder, name, rows, form="choice", **keys):
    """Return the items of a user's own file, with the number of pictures of each."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(
        "\n".join(map(json.dumps, rows)) if isinstance(rows, list) else rows, encoding="utf-8"
    )
    entry = OwnBenchmark(title="Mine", file=str(folder / name), form=form, **keys).listed()
    target = folder / "made" / "mine.tsv"
    target.parent.mkdir(exist_ok=True)
    obtain_file("mine", entry.source, target, folder)
    asked = load_asked(entry, target, folder / "images")
    return [(item, len(shown)) for item, shown in asked], load_benchmark(entry, target)


WHICH = {"question": "Which?", "options": ["one", "two"], "answer": "B"}


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("x.jsonl", [{"question": "Which?", "choices": ["one", "two"], "answer": "B"}]),
        ("x.csv", "question,a,b,answer\nWhich?,one,two,B\n"),
        ("x.jsonl", [{**WHICH, "options": ["A. one", "B. two"]}]),
        ("x.csv", "\n question ,A,B,answer\n\nWhich?,one,two,B\n"),
    ],
)
def test_a_file_of_ones_own_may_name_its_options_otherwise(tmp_path, name, rows):
    [(item, _)], _ = own(tmp_path, name, rows)
    assert "Which?\nA. one\nB. two\n" in item.prompt
    assert (item.options, item.golds) == (("one", "two"), ("B",))


def picture_of(kind, mode="RGB"):
    buffer = io.BytesIO()
    Image.new(mode, (2, 2)).save(buffer, format=kind)
    return buffer.getvalue()


def in_base64(data):
    return base64.b64encode(data).decode()


PICTURES = {
    "a tiny GIF": (in_base64(picture_of("GIF", "P")), 1),
    "a WebP in a data URL": (f"data:image/webp;base64,{in_base64(picture_of('WEBP'))}", 1),
    "an object with base64": ({"bytes": in_base64(picture_of("PNG")), "path": None}, 1),
    "a printed object": (str({"bytes": picture_of("PNG"), "path": "x.png"}), 1),
    "printed bytes": (str(picture_of("PNG")), 1),
    "in quotes": (f'"{in_base64(picture_of("PNG"))}"', 1),
    "a list with a gap": ([in_base64(picture_of("PNG")), None, in_base64(picture_of("GIF"))], 2),
    "an empty list": ([], 0),
    "a list of nothing": ([None], 0),
    "nothing, as a word": ("None", 0),
}


@pytest.mark.parametrize("form", PICTURES)
@pytest.mark.parametrize("column", ["image", "images"])
def test_pictures_are_read_in_any_form(tmp_path, form, column):
    cell, count = PICTURES[form]
    [(_, shown)], found = own(tmp_path, "x.jsonl", [{**WHICH, column: cell}])
    assert (shown, found.unreadable) == (count, [])


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("shown/1.png", "is a path, which must stand in the column image_path"),
        ("https://example.org/1.png", "is an address, and must be base64"),
        ("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAI", "a picture cannot be decoded"),
        ("17", "it has the picture of row '17', which is not there"),
    ],
)
def test_a_picture_that_is_none_says_why(tmp_path, cell, reason):
    _, found = own(tmp_path, "x.jsonl", [WHICH, {**WHICH, "image": cell}])
    [lost] = found.unreadable
    assert lost.row == "2 (row 2 of x.jsonl)"
    assert reason in lost.reason


def test_a_row_without_a_picture_is_left_out_however_nothing_is_written(table, tsv, picture):
    cells = ("", "[]", "None", "[nan]", "['']", picture())
    rows = [{**ROWS["mmstar"], "index": n, "image": cell} for n, cell in enumerate(cells)]
    found = load_benchmark(table["mmstar"], tsv(rows, "mmstar"))
    assert [item.key for item in found.items] == ["5"]
    assert (found.without_picture, found.unreadable) == (5, [])


def test_an_index_is_the_same_as_a_float_and_with_blanks(table, tsv, picture):
    rows = [{"image": picture(), **ROWS["mmstar"], "index": n} for n in ("1.0", " 2 ", "", "2.5")]
    rows.append({**rows[0], "index": "2.0"})
    path = tsv(rows, "mmstar")
    found = load_benchmark(table["mmstar"], path)
    assert [item.key for item in found.items] == ["1", "2", "row 3", "2.5"]
    # Whoever looks a row up finds it by the name of its item.
    assert [line.row["index"] for line in read_benchmark_rows(path)][:4] == [
        "1",
        "2",
        "row 3",
        "2.5",
    ]
    [lost] = found.unreadable
    assert (lost.row, lost.reason) == ("2 (line 6)", "two items have the key '2'")


def test_a_row_of_ones_own_without_a_cluster_is_one_itself(tmp_path):
    rows = [{**WHICH, "cluster": "x"}, {**WHICH, "cluster": "x"}, WHICH, WHICH]
    found, _ = own(tmp_path, "x.jsonl", rows, metric="circular")
    assert [item.cluster for item, _ in found] == ["x", "x", "3", "4"]


EXAM = "index\ttype\tpoints\tquestion\tA\tB\tanswer\n1\tsingle\t5\t哪个\t一\t二\tB\n"


@pytest.mark.parametrize(
    "content",
    [
        EXAM.encode("utf-8-sig"), EXAM.encode("utf-16"), EXAM.replace("\t", ";").encode(),
        EXAM.replace("\n", "\r\n").encode(), EXAM.replace("index\t", "").replace("1\ts", "s").encode(),
    ],
)  # fmt: skip
def test_an_exams_file_may_come_from_a_spreadsheet(table, tmp_path, monkeypatch, content):
    (tmp_path / "gaokao_2025.tsv").write_bytes(content)
    monkeypatch.setenv("R1V3_BENCHMARKS", str(tmp_path))
    target = tmp_path / "made" / "gaokao_2025.tsv"
    target.parent.mkdir()
    obtain_file("gaokao_2025", table["gaokao_2025"].source, target)
    [item] = load_benchmark(table["gaokao_2025"], target).items
    assert (item.key, item.options, item.golds) == ("1", ("一", "二"), ("B",))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04xl/workbook.xml", "it is a zip archive, or a workbook such as .xlsx"),
        (b"PAR1\x00\x00", "it is a Parquet file by another name"),
        (b"<!DOCTYPE html><html>", "it is a web page"),
        (EXAM.encode("gbk"), "not text in UTF-8; it is not UTF-8 but perhaps gbk"),
        (EXAM.encode("utf-16-le"), "it is not UTF-8 but perhaps utf-16-le"),
    ],
)
def test_an_exams_file_that_cannot_be_read_says_what_it_is(
    table, tmp_path, monkeypatch, content, reason
):
    (tmp_path / "gaokao_2025.tsv").write_bytes(content)
    monkeypatch.setenv("R1V3_BENCHMARKS", str(tmp_path))
    config = published_config("gaokao_2025", {"kind": "user", "describe": "a TSV"})
    said = obtain_or_report(config, tmp_path / "made").get("missing")
    if said is None:
        with pytest.raises(ValueError, match=r"gaokao_2025 \(") as error:
            load_benchmark(table["gaokao_2025"], tmp_path / "made" / "gaokao_2025.tsv")
        said = str(error.value)
    assert reason in said
    assert "gaokao_2025.tsv" in said
