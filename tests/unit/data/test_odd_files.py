"""Unusual files: each is read as it is meant, or refused with file, row and reason; none causes a crash."""

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from data_fixtures import listed, source_config
from picture_files import PNG, packed, plain, saved

from r1v3.data.prepare import NothingLeftError, prepare
from r1v3.data.records import Record, read_records

ROW = {
    "id": "q1", "question": "图中是什么?", "answer": "4", "answer_type": "fill", "domain": "logic",
    "difficulty": "k12", "language": "zh",
}  # fmt: skip
ROWS = [ROW, ROW | {"id": "q2", "question": 'He said "no", twice?'}]


def lines(*rows: dict, end: str = "\n") -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in rows)


def separated(delimiter: str, end: str = "\r\n") -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ROW, delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(ROWS)
    return out.getvalue()


def as_parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    parquet.write_table(table, out)
    return out.getvalue()


TABLE = pa.Table.from_pylist(ROWS)
NAMES = TABLE.column_names


def cast(kind: pa.DataType) -> bytes:
    return as_parquet(TABLE.cast(pa.schema([(name, kind) for name in NAMES])))


SAME: dict[str, tuple[str, bytes | str]] = {
    "lines that end as on Windows": ("x.jsonl", lines(*ROWS, end="\r\n")),
    "lines that end in carriage returns": ("x.jsonl", lines(*ROWS, end="\r")),
    "commas, carriage returns": ("x.csv", separated(",", "\r")),
    "UTF-16 lines": ("x.jsonl", lines(*ROWS).encode("utf-16")),
    "UTF-16 lines, big-endian": ("x.jsonl", b"\xfe\xff" + lines(*ROWS).encode("utf-16-be")),
    "UTF-16 array": ("x.json", json.dumps(ROWS, ensure_ascii=False).encode("utf-16")),
    "UTF-16 commas": ("x.csv", separated(",").encode("utf-16")),
    "UTF-16 tabs, as spreadsheets save": ("x.tsv", separated("\t").encode("utf-16")),
    "UTF-32 lines": ("x.jsonl", lines(*ROWS).encode("utf-32")),
    "byte order mark, commas": ("x.csv", b"\xef\xbb\xbf" + separated(",").encode()),
    "semicolons": ("x.csv", separated(";")),
    "semicolons, said": ("x.csv", "sep=;\r\n" + separated(";")),
    "bars": ("x.csv", separated("|")),
    "tabs under .csv": ("x.csv", separated("\t")),
    "commas under .tsv": ("x.tsv", separated(",")),
    "columns as lists": ("x.json", json.dumps({n: [r[n] for r in ROWS] for n in NAMES})),
    "columns as pandas writes them": (
        "x.json", json.dumps({n: {str(i): r[n] for i, r in enumerate(ROWS)} for n in NAMES}),
    ),
    "large strings": ("x.parquet", cast(pa.large_string())),
    "string views": ("x.parquet", cast(pa.string_view())),
    "bytes": ("x.parquet", cast(pa.binary())),
    "dictionaries": (
        "x.parquet", as_parquet(pa.table({n: TABLE[n].dictionary_encode() for n in NAMES})),
    ),
    "an index of pandas": (
        "x.parquet", as_parquet(TABLE.append_column("__index_level_0__", pa.array([4, 9]))),
    ),
    "blanks behind commas": (
        "x.csv", separated(",").replace(",", ", ").replace('""no"", ', '""no"",'),
    ),
    "names of columns in blanks": ("x.csv", separated(",").replace("answer,", " answer ,", 1)),
    "names of columns in capitals": ("x.csv", separated(",").replace("id,", "ID,", 1)),
    "quotes behind a backslash": ("x.csv", separated(",").replace('""no""', r'\"no\"')),
    "quotes of the text alone": (
        "x.tsv", separated("\t").replace('"He said ""no"", twice?"', 'He said "no", twice?'),
    ),
    "lines that end in commas": ("x.jsonl", lines(*ROWS, end=",\n")),
    "objects over several lines": ("x.jsonl", "\n".join(json.dumps(r, indent=1) for r in ROWS)),
    "objects side by side": ("x.json", ",".join(json.dumps(r, indent=1) for r in ROWS) + ",\n"),
    "a list a level deeper": (
        "x.json", json.dumps({"info": {"version": "1"}, "data": {"count": 2, "questions": ROWS}}),
    ),
    "a list a level deeper, alone": ("x.json", json.dumps({"data": {"questions": ROWS}})),
    "Parquet under another name": ("x.csv", as_parquet(TABLE)),
    "a column of nulls": ("x.parquet", as_parquet(TABLE.append_column("images", pa.nulls(2)))),
}  # fmt: skip


def prepared(folder: Path, files: dict[str, bytes | str], *asked: str, **entry) -> list[Record]:
    """Return the records of files; `asked` are the files that the entry names, by default all."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    source = listed(*(folder / name for name in asked or files), **entry)
    try:
        prepare(source_config(source, 100), folder / "set")
    except NothingLeftError:
        return []
    return read_records(folder / "set")


def refused(folder: Path) -> list[tuple[str, str | None, str, str]]:
    rows = (folder / "set" / "rejected.jsonl").read_text().splitlines()
    found = [json.loads(row) for row in rows]
    return [(row["where"], row["id"], row["reason"], row["detail"]) for row in found]


@pytest.mark.parametrize("name", SAME)
def test_a_file_of_another_make_holds_the_same_rows(tmp_path, name):
    file, data = SAME[name]
    records = prepared(tmp_path, {file: data})
    assert [(each.id, each.question, each.answer) for each in records] == [
        ("q1", ROWS[0]["question"], "4"), ("q2", ROWS[1]["question"], "4"),
    ]  # fmt: skip


def test_a_quote_that_begins_a_cell_belongs_to_it_unless_it_encloses_the_cell(tmp_path):
    rows = [
        'q1\t"Red" or "blue"?\t4', 'q2\t"Red"?\t"5"', 'q3\t5" or 6"?\t"6', 'q4\t"7"\t7'
    ]  # fmt: skip
    kind = {"domain": "logic", "difficulty": "k12", "language": "en", "answer_type": "fill"}
    text = "id\tquestion\tanswer\n" + "".join(f"{row}\n" for row in rows)
    records = prepared(tmp_path, {"x.tsv": text}, constants=kind)
    assert [(each.question, each.answer) for each in records] == [
        ('"Red" or "blue"?', "4"), ('"Red"?', "5"), ("7", "7"),
    ]  # fmt: skip
    assert [(where, reason) for where, _, reason, _ in refused(tmp_path)] == [
        ("made/x.tsv:4", "quote is not closed")
    ]


def test_a_row_with_a_list_of_objects_is_no_file_of_rows(tmp_path):
    row = ROW | {"answer": "B", "answer_type": "mcq", "options": [{"text": "4"}, {"text": "5"}]}
    pair = "\n".join(json.dumps(row | {"id": name}, indent=1) for name in ("q1", "q2"))
    assert [each.options for each in prepared(tmp_path, {"x.json": pair})] == [("4", "5")] * 2


def test_a_row_without_our_columns_is_refused_with_those_that_it_has(tmp_path):
    row = {name: value for name, value in ROW.items() if name != "question"}
    assert prepared(tmp_path, {"x.jsonl": lines(row | {"problem": "What?", "level": 3})}) == []
    assert refused(tmp_path)[0][2:] == (
        "missing field",
        "question; other columns are level, problem",
    )


def test_an_unknown_column_is_refused_with_what_would_keep_it(tmp_path):
    data = lines(ROW | {"level": 3})
    assert prepared(tmp_path, {"x.jsonl": data}) == []
    assert "rename to `meta.<name>`" in refused(tmp_path)[0][3]
    (record,) = prepared(tmp_path, {"x.jsonl": data}, rename={"level": "meta.level"})
    assert record.meta == {"level": 3}


def test_a_file_of_another_encoding_is_told_to_be_saved_anew(tmp_path):
    data = "id,question,answer\nq1,图中是什么,4\n".encode("gbk")
    assert prepared(tmp_path, {"x.csv": data}) == []
    assert "save the file as UTF-8" in refused(tmp_path)[0][3]


def test_half_a_character_at_the_end_of_a_file_costs_its_row_alone(tmp_path):
    data = lines(*ROWS).encode("utf-16")
    assert [each.id for each in prepared(tmp_path, {"x.jsonl": data + b"\x41"})] == ["q1", "q2"]
    assert [reason for *_, reason, _ in refused(tmp_path)] == ["not valid Unicode"]


def damaged() -> bytes:
    rows = [ROW | {"id": f"q{n}", "question": f"What is {n * 7919}? " * 3} for n in range(500)]
    data = bytearray(as_parquet(pa.Table.from_pylist(rows)))
    for place in range(200, 1500):
        data[place] ^= 0x5A
    return bytes(data)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n"
NAMED = {
    "a header twice": ("x.csv", b"id,answer,answer\nq1,4,5\n", "not a row of fields", "'answer'"),
    "a column twice": (
        "x.parquet", as_parquet(pa.Table.from_arrays([*TABLE.columns, TABLE["id"]], [*NAMES, "id"])),
        "not a row of fields", "'id'",
    ),
    "an XML file": ("x.json", b'<?xml version="1.0"?><a/>', "file is damaged", "an XML file"),
    "names of columns in another encoding": (
        "x.csv", "题,答\n1,2\n3,4\n".encode("gb18030"), "not valid Unicode", "names of the columns",
    ),
    "a pointer of LFS": ("x.parquet", POINTER, "file is damaged", "Git LFS"),
    "a web page": ("x.jsonl", b"<!DOCTYPE html>\n<html>404</html>\n", "file is damaged", "a web page"),
    "no bytes": ("x.parquet", b"", "file is damaged", "0 bytes"),
    "a damaged page": ("x.parquet", damaged(), "file is damaged", "from here on"),
    "two lists": (
        "x.json", json.dumps({"train": ROWS, "test": ROWS}).encode(), "not a row of fields",
        "train, test",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_a_file_that_cannot_be_read_is_named_once_with_what_it_is(tmp_path, name):
    file, data, reason, detail = NAMED[name]
    assert prepared(tmp_path, {file: data}) == []
    [(where, _, found, said)] = refused(tmp_path)
    assert (where, found) == (f"made/{file}:1", reason)
    assert detail in said


PICTURES = {
    "a": (b"", "not a picture", "a file of 0 bytes"),
    "b": (saved(plain(30), "TIFF"), "not a picture", "TIFF"),
    "c": (b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(90), "not a picture", "HEIC"),
    "d": (b"\0\0\0\x18ftypavif\0\0\0\0" + bytes(90), "not a picture", "AVIF"),
    "e": (b"%PDF-1.4\n" + bytes(90), "not a picture", "PDF"),
    "f": (POINTER, "not a picture", "Git LFS"),
    "g": (b"<svg xmlns='x'/>", "not a picture", "SVG"),
}


def test_each_file_that_is_no_picture_is_named_for_what_it_is(tmp_path):
    rows = [ROW | {"id": f"q{name}", "images": [f"p/{name}"]} for name in PICTURES]
    files = {"x.jsonl": lines(*rows)} | {f"p/{name}": PICTURES[name][0] for name in PICTURES}
    assert prepared(tmp_path, files, "x.jsonl") == []
    for (where, id, reason, detail), (number, name) in zip(
        refused(tmp_path), enumerate(PICTURES, 1), strict=True
    ):
        assert (where, id, reason) == (f"made/x.jsonl:{number}", f"q{name}", PICTURES[name][1])
        assert PICTURES[name][2] in detail


def test_an_archive_in_an_archive_is_said_not_to_be_opened(tmp_path):
    inner = packed(tmp_path / "inner.zip", {"a.png": PNG}).read_bytes()
    outer = packed(tmp_path / "outer.zip", {"inner.zip": inner}).read_bytes()
    files = {"x.jsonl": lines(ROW | {"images": ["a.png"]}), "outer.zip": outer}
    assert prepared(tmp_path, files) == []
    [(*_, reason, detail)] = refused(tmp_path)
    assert (reason, detail) == (
        "picture is missing", "'a.png'; archives in archives, as inner.zip, are not opened",
    )  # fmt: skip


def test_members_with_absolute_paths_or_above_are_found_by_their_base_names_alone(tmp_path):
    other = saved(plain(31), "PNG")
    data = packed(tmp_path / "x.tar", {"/abs/a.png": PNG, "../../b.png": other}).read_bytes()
    asked = ["a.png", "x/b.png", "/abs/a.png", "../../b.png"]
    rows = [ROW | {"id": f"q{n}", "images": [name]} for n, name in enumerate(asked)]
    records = prepared(tmp_path, {"x.jsonl": lines(*rows), "x.tar": data})
    assert [each.id for each in records] == ["q0", "q1"]
    assert {reason for *_, reason, _ in refused(tmp_path)} == {"path leads out of the source"}


def test_nested_columns_and_several_of_pictures_are_renamed(tmp_path):
    row = {name: ROW[name] for name in ROW if name not in ("id", "question", "answer")}
    row |= {"uid": 7, "qa": {"q": "Look at <image2> and <image1>?", "a": 4.0}, "label": "x"}
    row |= {"image_9": "a.png", "image_10": "b.png", "image_11": None}
    rename = {"uid": "id", "qa.q": "question", "qa.a": "answer", "label": "domain"}
    rename |= {f"image_{n}": "images" for n in (10, 11, 9)}
    files = {"x.jsonl": lines(row), "a.png": PNG, "b.png": saved(plain(31), "PNG")}
    [record] = prepared(tmp_path, files, "x.jsonl", rename=rename)
    assert (record.id, record.question, record.answer, record.domain) == (
        "7", "Look at <image> and <image>?", "4", "x",
    )  # fmt: skip
    second, first = record.images
    assert (tmp_path / "set" / first).read_bytes() == PNG
    assert first != second


def test_a_misspelt_column_of_rename_is_an_error_that_lists_the_columns(tmp_path):
    with pytest.raises(
        ValueError, match="made: no row has the column uidd; there are id, question"
    ):
        prepared(tmp_path, {"x.jsonl": lines(*ROWS)}, rename={"uidd": "id"})


def test_a_row_that_its_mapping_refuses_is_listed_with_its_id_and_question(tmp_path):
    rows = [ROW | {"options": {"x": "1", "y": "2"}}, ROW | {"id": b"\xff".hex(), "domain": "art"}]
    assert prepared(tmp_path, {"x.jsonl": lines(*rows)}, select={"domain": "logic"}) == []
    text = (tmp_path / "set" / "rejected.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in text]
    assert [(row["id"], row["question"], row["reason"]) for row in found] == [
        ("q1", ROW["question"], "wrong options"), ("ff", ROW["question"], "not selected"),
    ]  # fmt: skip


def test_values_of_any_type_in_a_refused_row_can_be_listed(tmp_path):
    table = pa.table({"id": [b"\xff\xfe"], "question": [b"\xff"], "answer": [b"4"]})
    assert prepared(tmp_path, {"x.parquet": as_parquet(table)}) == []
    [(where, id, reason, _)] = refused(tmp_path)
    assert (where, reason) == ("made/x.parquet:1", "not valid Unicode")
    assert id == str(b"\xff\xfe")
