"""Arbitrary records, tables and pictures: kept, or rejected with a reason, and never a traceback."""

import codecs
import gzip
import io
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
from data_fixtures import CLEANING
from fuzzing import JSON, TEXT, changed, fuzz
from hypothesis import given
from hypothesis import strategies as st
from picture_files import PNG, plain, saved

from r1v3.data.fields import Rejected
from r1v3.data.picture_files import PictureFiles
from r1v3.data.pictures import admit
from r1v3.data.sources.rows import read_rows as read_source
from r1v3.data.validate import Validator
from r1v3.evaluate.items.rows import UnreadableFileError, read_benchmark_rows

NO_FILES = PictureFiles(None, scratch=Path("absent"))
RECORD = {
    "id": "a-1", "question": "How many?", "answer": "B", "answer_type": "mcq", "source": "made",
    "licence": "CC0-1.0", "split": "train", "language": "en", "domain": "mathematics", "difficulty": "normal",
    "options": ["one", "two"], "images": [{"bytes": PNG, "path": None}], "date": "2024-01-01",
    "response": None, "edits": [], "meta": {"level": 3},
}  # fmt: skip


@fuzz
@given(changed(RECORD) | JSON)
def test_any_row_is_kept_or_rejected(row):
    try:
        record, pictures = Validator(CLEANING.limits, NO_FILES)(row)
    except Rejected as refused:
        assert refused.reason
    else:
        assert record.question.encode()
        assert len(pictures) <= 16


def test_the_record_that_is_changed_is_one():
    record, pictures = Validator(CLEANING.limits, NO_FILES)(dict(RECORD))
    assert record.answer == "B"
    assert len(pictures) == 1


PICTURES = [PNG, *(saved(plain(24), kind) for kind in ("JPEG", "GIF", "WEBP", "BMP"))]


@fuzz
@given(st.data())
def test_any_bytes_are_a_picture_or_a_refusal(data):
    whole = bytearray(data.draw(st.sampled_from(PICTURES)))
    for _ in range(data.draw(st.integers(0, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        assert admit(cut, data.draw(st.none() | TEXT), CLEANING.limits).image.mode == "RGB"
    except Rejected as refused:
        assert refused.reason


@fuzz
@given(st.binary(max_size=200) | st.text(alphabet='ab\t"\n\r,é\0', max_size=80).map(str.encode))
def test_any_table_gives_rows_or_says_that_it_is_none(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.tsv"
        path.write_bytes(content)
        try:
            for line in read_benchmark_rows(path):
                assert all(text.encode() is not None for text in line.row.values())
        except UnreadableFileError as error:
            assert "table.tsv" in str(error)


def _files() -> dict[str, list[bytes]]:
    """Return intact files of each kind that a source may have: plain, compressed, and from spreadsheets."""
    rows = [
        {"id": "a", "n": 1, "text": 'é "quoted", ²'},
        {"id": "b", "n": None, "text": "two\nlines"},
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    table = 'id,n,text\na,1,"é ""quoted"", ²"\nb,,"two\nlines"\n'
    plain = {
        ".jsonl": lines,
        ".json": json.dumps(rows, indent=1),
        ".csv": table,
        ".tsv": table.replace(",", "\t"),
    }
    found = {}
    for kind, text in plain.items():
        whole = text.encode()
        found[kind] = [
            whole,
            codecs.BOM_UTF8 + whole,
            text.encode("utf-16"),
            whole.replace(b"\n", b"\r"),
        ]
        found[f"{kind}.gz"] = [gzip.compress(whole)]
    made = []
    for packed in ("none", "zstd", "snappy"):
        buffer = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(rows), buffer, compression=packed)
        made.append(buffer.getvalue())
    return found | {".parquet": made}


FILES = _files()


def _rows_of(kind: str, content: bytes) -> list[tuple[int, object]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{kind}"
        path.write_bytes(content)
        return list(read_source(path, 10_000))


def test_the_files_that_are_damaged_are_whole_ones():
    for kind, whole in FILES.items():
        for content in whole:
            assert [row["id"] for _, row in _rows_of(kind, content)] == ["a", "b"], (kind, content)


@fuzz
@given(st.data())
def test_any_damaged_file_gives_rows_or_refusals(data):
    kind = data.draw(st.sampled_from(sorted(FILES)))
    content = bytearray(data.draw(st.sampled_from(FILES[kind])))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(content)))
    numbers = []
    for number, row in _rows_of(kind, bytes(content[:cut])):
        assert isinstance(row, dict) or row.reason
        numbers.append(number)
    assert len(numbers) == len(set(numbers))


def test_no_line_of_a_file_that_is_damaged_in_three_ways_stands_twice():
    # Letters that are none, a quote that stays open, and a wrong checksum.
    packed = bytes.fromhex(
        "1f8b0800ebaa0d6b02ffcb4cd1c9d32949ad28e14ad431d4513abc524149a9b021bf243545494947e1d02625"
        "ae241d1da592f27cae9cccbc0062252e001c70bdff31000000"
    )
    numbers = [number for number, _ in _rows_of(".csv.gz", packed)]
    assert len(numbers) == len(set(numbers)) > 1
