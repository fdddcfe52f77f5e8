"""Reads the rows of a benchmark's file in any format: TSV, CSV, JSON, JSON lines or Parquet.

An unreadable row keeps its place, with the reason under `UNREADABLE`. If part of a Parquet file is damaged,
the rows of that part are lost and the others are read. Other encodings, separators and compressed files are
read like sources of training data (`r1v3.data.sources.rows`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from r1v3.data.fields import Rejected
from r1v3.data.sources.rows import ENCODINGS, GZIP, PARQUET, kind_of_another, read_rows
from r1v3.evaluate.items.rows import (
    LONGEST_CELL,
    SEPARATORS,
    UNREADABLE,
    UnreadableFileError,
    read_benchmark_rows,
    read_columns,
)
from r1v3.recipe.tables.sources import suffixes

FORMS = (".tsv", ".csv", ".json", ".jsonl", ".ndjson", ".parquet")
ROWS_AT_A_TIME = 128
FIRST_BYTES = 1 << 16
PARQUET_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError)
FoundRow = dict[str, Any]


def rows_of_file(file: Path) -> Iterator[FoundRow]:
    """Yield the rows of a file, in order.

    Raises:
        UnreadableFileError: it has another format, or is damaged as a whole. The message says which.
    """
    kind = suffixes(file)
    if kind not in FORMS:
        allowed = f"{', '.join(FORMS[:-1])} or {FORMS[-1]}"
        raise UnreadableFileError(f"{file}: a benchmark's file is {allowed}, not {kind!r}")
    refuse_another(file)
    if kind == ".parquet":
        yield from _parquet(file)
    elif kind in SEPARATORS and _is_plain(file, SEPARATORS[kind]):
        for line in read_benchmark_rows(file):
            yield {**line.row, UNREADABLE: line.reason} if line.reason else dict(line.row)
    else:
        yield from _as_sources_are(file)


def refuse_another(file: Path) -> None:
    """Refuse a file that has no rows by its kind, or is Parquet under another name.

    Raises:
        UnreadableFileError: it is such a file. The message says what it is.
    """
    other = kind_of_another(file)
    if other is None and suffixes(file) != ".parquet":
        with open(file, "rb") as opened:
            other = "a Parquet file by another name" if opened.read(4) == PARQUET else None
    if other:
        raise UnreadableFileError(f"{file}: it is {other}")


def is_published_form(file: Path) -> bool:
    """Return whether a file is a UTF-8 table as its name says, with an index, and needs no conversion."""
    if file.suffix not in SEPARATORS or not _is_plain(file, SEPARATORS[file.suffix]):
        return False
    try:
        return "index" in read_columns(file)
    except UnreadableFileError:
        return False


def count_rows(file: Path) -> int:
    """Count the rows of a file, including unreadable ones.

    Raises:
        UnreadableFileError: see `rows_of_file`.
    """
    if suffixes(file) == ".parquet" and not kind_of_another(file):
        return _opened(file).metadata.num_rows
    return sum(1 for _ in rows_of_file(file))


def _is_plain(file: Path, separator: str) -> bool:
    """Return whether a file is a table with the separator of its name, not compressed and not in UTF-16."""
    with open(file, "rb") as opened:
        begin = opened.read(FIRST_BYTES)
    if begin.startswith((GZIP, *ENCODINGS)):
        return False
    first = begin.splitlines()[0] if begin else b""
    return separator.encode() in first or not any(sign in first for sign in b",\t;|")


def _as_sources_are(file: Path) -> Iterator[FoundRow]:
    for number, row in read_rows(file, LONGEST_CELL):
        if not isinstance(row, Rejected):
            yield row
            continue
        detail = f" ({row.detail})" if row.detail else ""
        if number == 1 and row.reason == "file is damaged":
            raise UnreadableFileError(f"{file}: the file is damaged{detail}")
        yield {UNREADABLE: f"line {number}: {row.reason}{detail}"}


def _parquet(file: Path) -> Iterator[FoundRow]:
    with _opened(file) as opened:
        for group in range(opened.metadata.num_row_groups):
            expected, given = opened.metadata.row_group(group).num_rows, 0
            try:
                for batch in opened.iter_batches(ROWS_AT_A_TIME, row_groups=[group]):
                    for row in _rows_of(batch):
                        yield row
                        given += 1
            except PARQUET_ERRORS as error:
                lost = {UNREADABLE: f"its part of the file is damaged ({_in_one_line(error)})"}
                for _ in range(expected - given):
                    yield dict(lost)


def _opened(file: Path) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(file)
    except PARQUET_ERRORS as error:
        raise UnreadableFileError(
            f"{file}: it is no Parquet file ({_in_one_line(error)})"
        ) from None


def _rows_of(batch: pa.RecordBatch) -> Iterator[FoundRow]:
    """Yield the rows of a batch. If a cell is unreadable, only its row is lost."""
    try:
        yield from batch.to_pylist()
        return
    except PARQUET_ERRORS:
        pass
    for place in range(batch.num_rows):
        try:
            yield batch.slice(place, 1).to_pylist()[0]
        except PARQUET_ERRORS as error:
            yield {UNREADABLE: f"a cell cannot be read ({_in_one_line(error)})"}


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
