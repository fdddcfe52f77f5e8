"""Unusual files: readable rows are read, and damage affects only its own rows and is named."""

import base64
import gzip
import io
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from r1v3.evaluate.items.convert import to_tsv
from r1v3.evaluate.items.file_rows import count_rows
from r1v3.evaluate.items.load import load_benchmark
from r1v3.evaluate.items.pictures import decode_base64, picture_fault
from r1v3.evaluate.items.rows import UnreadableFileError


def rows(picture, count=6, **changes):
    return [
        {"index": str(n), "question": f"Which of {n}?", "A": "x", "B": "y", "C": "z", "answer": "B"}
        | {"category": "c", "l2_category": "d", "image": picture()} | changes
        for n in range(count)
    ]  # fmt: skip


def loaded(table, tmp_path, name, content, pictures=None):
    (tmp_path / name).write_bytes(content)
    return loaded_from(table, tmp_path, tmp_path / name, pictures)


def loaded_from(table, tmp_path, file, pictures=None):
    target = tmp_path / "read" / "mmstar.tsv"
    target.parent.mkdir(exist_ok=True)
    to_tsv([file], {}, target, pictures=pictures or tmp_path)
    return load_benchmark(table["mmstar"], target)


def as_text(found, **how):
    return pd.DataFrame(found).to_csv(index=False, **how)


READ = {
    "utf16.tsv": lambda found: as_text(found, sep="\t").encode("utf-16"),
    "bom.csv": lambda found: as_text(found).encode("utf-8-sig"),
    "semicolons.csv": lambda found: as_text(found, sep=";").encode(),
    "commas.tsv": lambda found: as_text(found).encode(),
    "packed.tsv": lambda found: gzip.compress(as_text(found, sep="\t").encode()),
    "mac.tsv": lambda found: as_text(found, sep="\t").replace("\n", "\r").encode(),
    "array.json": lambda found: json.dumps(found).encode(),
    "array.jsonl": lambda found: json.dumps(found, indent=1).encode(),
    "lines.json": lambda found: "\n".join(map(json.dumps, found)).encode(),
    "lines.jsonl.gz": lambda found: gzip.compress("\n".join(map(json.dumps, found)).encode()),
    "joined.tsv": lambda found: (as_text(found[:2], sep="\t") + "\n\t\t\t\n" + as_text(found[2:],
    sep="\t")).encode(),
    "twice.csv": lambda found: as_text(
        pd.concat([pd.DataFrame(found), pd.DataFrame(found)[["answer"]]], axis=1)
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_file_of_another_make_is_read(table, picture, tmp_path, name):
    found = loaded(table, tmp_path, name, READ[name](rows(picture)))
    assert [item.key for item in found.items] == list("012345")
    assert found.unreadable == []
    assert {item.golds for item in found.items} == {("B",)}
    assert count_rows(tmp_path / name) == 6


WHOLE = {
    "lfs.parquet": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
    "page.tsv": (b"<!DOCTYPE html><html>404</html>", "it is a web page"),
    "page.jsonl": (b"<html>404</html>", "it is a web page"),
    "none.jsonl": (b"", "it has no rows"),
    "header.tsv": (b"index\tquestion\tanswer\n", "it has no rows"),
    "cut.parquet": (b"PAR1 no", "it is no Parquet file"),
    "table.xls": (b"x", r"is \.tsv, .* or \.parquet, not '\.xls'"),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_is_none_of_rows_says_what_it_is(table, tmp_path, name):
    content, reason = WHOLE[name]
    with pytest.raises(UnreadableFileError, match=rf"{name}: .*{reason}"):
        loaded(table, tmp_path, name, content)


def test_a_damaged_part_of_a_parquet_costs_its_rows_alone(table, picture, tmp_path):
    found = rows(picture, 200)
    path = tmp_path / "x.parquet"
    parquet.write_table(pa.Table.from_pylist(found), path, row_group_size=50)
    data = bytearray(path.read_bytes())
    start = parquet.ParquetFile(path).metadata.row_group(2).column(1).data_page_offset
    data[start : start + 12] = b"\xa5" * 12
    path.write_bytes(data)
    with pytest.raises(
        UnreadableFileError, match=r"50 of 200 rows .*its part of the file is damaged"
    ):
        loaded_from(table, tmp_path, path)
    assert count_rows(path) == 200


def test_a_line_that_is_lost_takes_no_other_rows_name(table, picture, tmp_path):
    lines = [json.dumps(row) for row in rows(picture)]
    lines[2] = lines[2][:-1]
    found = loaded(table, tmp_path, "x.jsonl", "\n".join(lines).encode())
    assert [item.key for item in found.items] == ["0", "1", "3", "4", "5"]
    [lost] = found.unreadable
    assert "line 3: not valid JSON" in lost.reason
    assert len(found.scored(table["mmstar"])) == 6


def test_a_row_without_its_index_takes_no_other_rows_name(table, picture, tmp_path):
    some = rows(picture)
    some[2]["index"] = ""
    found = loaded(table, tmp_path, "x.tsv", as_text(some, sep="\t").encode())
    assert [item.key for item in found.items] == ["0", "1", "row 3", "3", "4", "5"]


def test_two_columns_of_one_name_that_differ_cost_the_row(table, picture, tmp_path):
    frame = pd.DataFrame(rows(picture))
    other = frame[["answer"]].copy()
    other.loc[3, "answer"] = "C"
    text = as_text(pd.concat([frame, other], axis=1), sep="\t")
    found = loaded(table, tmp_path, "x.tsv", text.encode())
    [lost] = found.unreadable
    assert (lost.row, lost.reason) == (
        "3 (row 4 of x.tsv)",
        "two columns are called answer, and differ",
    )


@pytest.mark.parametrize("answer", ["B", "b", "(B)", "['B']", '["B"]', "y", "B. y"])
def test_a_right_answer_is_read_in_any_of_its_forms(table, picture, tmp_path, answer):
    found = loaded(table, tmp_path, "x.csv", as_text(rows(picture, answer=answer)).encode())
    assert found.items[0].golds == ("B",)


def written(colour="red", size=(31, 17)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, format="PNG")
    return buffer.getvalue()


FORMS = {
    "plain": lambda data: base64.b64encode(data).decode(),
    "in lines": lambda data: base64.encodebytes(data).decode(),
    "safe for addresses": lambda data: base64.urlsafe_b64encode(data).decode(),
    "without padding": lambda data: base64.b64encode(data).decode().rstrip("="),
    "as Python prints bytes": lambda data: repr(base64.b64encode(data)),
    "a data URL": lambda data: f"data:image/webp;base64,{base64.b64encode(data).decode()}",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_is_decoded_in_any_form_of_base64(form):
    for size in ((31, 17), (32, 17), (33, 17)):
        data = written(size=size)
        assert decode_base64(FORMS[form](data)) == data


def test_a_picture_that_is_none_shows_how_it_begins():
    twice = base64.b64decode(base64.b64encode(base64.b64encode(written())))
    assert picture_fault(twice) == "a picture cannot be decoded (it begins with b'iVBORw0KGgoA')"


def test_a_pictures_file_that_is_none_is_named(table, picture, tmp_path):
    some = rows(picture)
    for row, name in zip(
        some, ("a.png", "none.png", "page.png", "b.png", "cut.jpg", "c.png"), strict=True
    ):
        row["image_path"] = f"shown/{name}"
        del row["image"]
    (tmp_path / "shown").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / "shown" / name).write_bytes(written())
    (tmp_path / "shown/page.png").write_bytes(b"<html>")
    (tmp_path / "shown/cut.jpg").write_bytes(written()[:60])
    found = loaded(table, tmp_path, "x.tsv", as_text(some, sep="\t").encode())
    assert [item.key for item in found.items] == ["0", "3", "5"]
    said = {lost.row[0]: lost.reason for lost in found.unreadable}
    assert said["1"] == "the picture shown/none.png cannot be read (No such file or directory)"
    assert said["2"].startswith(
        "shown/page.png: a picture cannot be decoded (it begins with b'<html>')"
    )
    assert said["4"].startswith("shown/cut.jpg: a picture cannot be decoded")
