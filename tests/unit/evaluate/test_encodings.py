"""A benchmark in another encoding: it is read if the entry says so, else refused with a remedy."""

import csv
import io
import json

import pytest
from pydantic import ValidationError

from r1v3.evaluate.items.load import load_benchmark
from r1v3.evaluate.items.rows import UnreadableFileError
from r1v3.evaluate.items.source import obtain_file
from r1v3.recipe.tables.benchmarks import read_entry

CHINESE = {"question": "下列何者正確？", "A": "一", "B": "二", "answer": "B"}
FRENCH = {"question": "Où est la fenêtre ?", "A": "là", "B": "çà", "answer": "B"}


def text_of(rows, suffix):
    if suffix == ".jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if suffix == ".json":
        return json.dumps(rows, ensure_ascii=False)
    out = io.StringIO()
    table = csv.DictWriter(out, list(rows[0]), delimiter="\t" if suffix == ".tsv" else ",")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def read(tmp_path, data, suffix, encoding=None):
    own = tmp_path / f"mine{suffix}"
    own.write_bytes(data)
    said = {} if encoding is None else {"encoding": encoding}
    entry = read_entry({"title": "-", "file": str(own), "form": "choice", **said})
    obtain_file("mine", entry.source, tmp_path / "mine_read.tsv")
    return load_benchmark(entry, tmp_path / "mine_read.tsv")


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".json", ".jsonl"])
@pytest.mark.parametrize(
    ("row", "encoding", "guess"),
    [
        (CHINESE, "gbk", "gbk"), (CHINESE, "big5", "big5"), (FRENCH, "latin-1", "cp1252"),
        (CHINESE, "utf-16-le", "utf-16-le"),
    ],
)  # fmt: skip
def test_a_file_in_another_encoding_is_read_if_it_is_declared(
    tmp_path, suffix, row, encoding, guess
):
    rows = [row | {"hint": str(number)} for number in range(8)]
    data = text_of(rows, suffix).encode(encoding)
    found = read(tmp_path, data, suffix, encoding)
    assert [item.question for item in found.items] == [row["question"]] * 8
    assert found.items[0].options == (row["A"], row["B"])
    with pytest.raises(UnreadableFileError, match=rf"mine\{suffix}.*perhaps {guess}: save it as"):
        read(tmp_path, data, suffix)


def test_a_header_in_another_encoding_is_told_too(tmp_path):
    data = text_of([CHINESE | {"科目": "數學"}], ".tsv").encode("gbk")
    assert len(read(tmp_path, data, ".tsv", "gbk").items) == 1
    with pytest.raises(UnreadableFileError, match=r"mine\.tsv: the first line .*`encoding: gbk`"):
        read(tmp_path, data, ".tsv")


def test_bytes_that_are_not_of_the_encoding_cost_their_row(tmp_path):
    data = text_of([CHINESE] * 8, ".tsv").encode("gbk") + b"\xff\xff\tx\ty\tB\r\n"
    found = read(tmp_path, data, ".tsv", "gbk")
    assert len(found.items) == 8
    [lost] = found.unreadable
    assert (lost.row, lost.reason) == ("(row 9 of mine.tsv)", "question is not text in UTF-8")


@pytest.mark.parametrize("encoding", ["nonsense", "base64", "hex", "rot13", ""])
def test_what_is_no_encoding_of_text_is_refused(encoding):
    with pytest.raises(ValidationError, match="no encoding of text"):
        read_entry({"title": "-", "file": "x.tsv", "form": "choice", "encoding": encoding})


def test_an_entry_without_an_encoding_is_hashed_as_before():
    entry = {"title": "-", "file": "x.tsv", "form": "choice"}
    assert "encoding" not in read_entry(entry).hashed()["source"]
    assert read_entry(entry | {"encoding": "gbk"}).hashed()["source"]["encoding"] == "gbk"
