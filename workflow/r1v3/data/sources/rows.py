"""Reads the rows of JSON, JSONL, TSV, CSV and Parquet files, one at a time.

A row that is too long is rejected unread. A file's name gives its format. In common cases of another content,
the content decides: JSON lines in a `.json`, an array in a `.jsonl`, and a compressed file without `.gz`. A
row that cannot be read is yielded as its rejection, so that each line of a file is accounted for.
"""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from r1v3.data.fields import Rejected
from r1v3.data.picture_files import ARCHIVES
from r1v3.data.sources.json_values import ReadRow, read_value
from r1v3.data.sources.separated import NO_ROW, not_unicode, read_separated
from r1v3.recipe.tables.sources import suffixes

READABLE = (".parquet", ".jsonl", ".ndjson", ".json", ".tsv", ".csv")
GZIP, BOM = b"\x1f\x8b", b"\xef\xbb\xbf"
# Byte order marks of other encodings, which editors and spreadsheets write. The longer ones come first.
ENCODINGS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
# Files that a download may return instead of the wanted one.
OTHERS = {
    b"version https://git-lfs": "a pointer of Git LFS, whose file `git lfs pull` brings",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"pk\x03\x04": "a zip archive, or a workbook such as .xlsx",
    b"\xd0\xcf\x11\xe0": "a workbook of an old kind (.xls)",
    b"%pdf-": "a PDF",
    b"<?xml": "an XML file",
    b"arrow1": "an Arrow file, which `to_parquet` writes as Parquet",
}
PARQUET = b"PAR1"
PEEKED = 1 << 16
ROWS_AT_A_TIME = 64
LINE_BLOCK = 1 << 20
WRONG_TYPE = "wrong type of field"


def read_rows(path: Path, max_bytes: int) -> Iterator[tuple[int, ReadRow]]:
    """Yield number (from 1) and content of each row.

    Args:
        max_bytes: largest size of a line of text, or of a cell of Parquet; longer ones are rejected without
            being kept in memory.

    Raises:
        ValueError: the file has another format.
    """
    kind = suffixes(path)
    if kind in READABLE and (other := kind_of_another(path)):
        yield 1, Rejected("file is damaged", f"it is {other}")
    elif kind == ".parquet" or (kind in READABLE and _begins(path, PARQUET)):
        yield from _parquet(path, max_bytes)
    elif kind in (".jsonl", ".json", ".ndjson"):
        yield from _guarded(
            _value(path, max_bytes)
            if _is_one_value(path, kind, max_bytes)
            else _jsonl(path, max_bytes)
        )
    elif kind in (".tsv", ".csv"):
        yield from _guarded(
            read_separated(_lines(path, max_bytes), max_bytes, "\t" if kind == ".tsv" else ",")
        )
    else:
        raise ValueError(unknown_form(path))


def unknown_form(path: Path) -> str:
    """Return the message about a file whose format contains no rows."""
    return (
        f"{path.name}: a source's file is {', '.join(READABLE[:-1])} or {READABLE[-1]} (text also .gz); "
        f"pictures may be packed as {', '.join(ARCHIVES)}"
    )


def _guarded(rows: Iterator[tuple[int, ReadRow]]) -> Iterator[tuple[int, ReadRow]]:
    """Yield the rows of a file. If it is damaged and cannot be unpacked to its end, the last row says so."""
    last = 0  # the highest number so far: an open quote is reported later, with the line that it begins in
    try:
        for number, row in rows:
            last = max(last, number)
            yield number, row
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield last + 1, Rejected("file is damaged", str(error)[:200])


def kind_of_another(path: Path) -> str | None:
    """Name the format of a file that contains no rows, whatever its name; None if it may contain rows."""
    with open(path, "rb") as file:
        begin = file.read(64).lstrip().lower()
    return next((name for mark, name in OTHERS.items() if begin.startswith(mark)), None)


def _begins(path: Path, mark: bytes) -> bool:
    with open(path, "rb") as file:
        return file.read(len(mark)) == mark


def _opened(path: Path) -> BinaryIO:
    """Open a file for reading: unpacked if compressed, in UTF-8, with line feeds as line ends."""
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP
    file = cast(BinaryIO, gzip.open(path) if packed else open(path, "rb"))  # noqa: SIM115 the caller closes
    begin = cast(io.BufferedReader, file).peek(PEEKED)[:PEEKED]
    encoding = next((name for mark, name in ENCODINGS.items() if begin.startswith(mark)), None)
    if encoding is None and (b"\r" not in begin[:-1] or b"\n" in begin):
        return file
    return cast(BinaryIO, io.BufferedReader(Recoded(file, encoding), LINE_BLOCK))


class Recoded(io.RawIOBase):
    """A file in UTF-8 with line feeds as line ends. Text that cannot be decoded stays invalid.

    Args:
        encoding: encoding of its byte order mark; None if only carriage returns must be replaced.
    """

    def __init__(self, file: BinaryIO, encoding: str | None):
        self._file, self._held = file, b""
        self._decoder = (
            codecs.getincrementaldecoder(encoding)("surrogatepass") if encoding else None
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._held:
            block = self._file.read(len(buffer))
            self._held = self._decoded(block)
            if not block:
                break
        many = min(len(buffer), len(self._held))
        buffer[:many], self._held = self._held[:many], self._held[many:]
        return many

    def _decoded(self, block: bytes) -> bytes:
        if self._decoder is None:
            return block.replace(b"\r", b"\n")
        try:
            return self._decoder.decode(block, not block).encode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            self._decoder.reset()
            return b"\xff"

    def close(self) -> None:
        self._file.close()
        super().close()


def _value(path: Path, max_bytes: int) -> Iterator[tuple[int, ReadRow]]:
    with _opened(path) as file:
        yield from read_value(file, max_bytes)


def _is_one_value(path: Path, kind: str, max_bytes: int) -> bool:
    """Return whether a file contains one array or object, instead of a line for each row."""
    try:
        with _opened(path) as file:
            lines = (
                line.removeprefix(BOM).strip()
                for line in iter(lambda: file.readline(max_bytes), b"")
            )
            first, second = (next((line for line in lines if line), b"") for _ in range(2))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False
    if kind == ".json":
        return not (second and (_is_whole(first) or (len(first) > 1 and _is_whole(second))))
    return first in (b"[", b"{") or (first.startswith(b"[{") and not (second and _is_whole(first)))


def _is_whole(line: bytes) -> bool:
    """Return whether a line is a complete row of JSON."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _parquet(path: Path, max_bytes: int) -> Iterator[tuple[int, ReadRow]]:
    number = 0
    try:
        file = parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        yield 1, Rejected("file is damaged", str(error)[:200])
        return
    with file:
        names = file.schema_arrow.names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            yield 1, Rejected(NO_ROW, f"two columns are called {twice[0]!r}"[:200])
            return
        batches = file.iter_batches(ROWS_AT_A_TIME)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                yield number + 1, Rejected("file is damaged", f"from here on: {error}"[:200])
                return
            if batch is None:
                return
            long = _too_long(batch, max_bytes)
            for position in range(batch.num_rows):
                number += 1
                if position in long:
                    yield number, Rejected("text is too long", f"{long[position]:,} bytes")
                    continue
                try:
                    yield number, batch.slice(position, 1).to_pylist()[0]
                except UnicodeDecodeError as error:
                    yield number, Rejected("not valid Unicode", str(error)[:200])
                except (ValueError, OverflowError, pa.ArrowException) as error:
                    yield number, Rejected(WRONG_TYPE, str(error)[:200])


def _too_long(batch: pa.RecordBatch, max_bytes: int) -> dict[int, int]:
    """Return the rows with a text cell above the limit, and its size; no cell is copied."""
    found: dict[int, int] = {}
    if batch.nbytes <= max_bytes:
        return found
    for column in batch.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            sizes = compute.call_function("binary_length", [column]).to_pylist()
            found |= {n: size for n, size in enumerate(sizes) if size and size > max_bytes}
    return found


def _lines(path: Path, max_bytes: int) -> Iterator[tuple[int, bytes | Rejected]]:
    with _opened(path) as file:
        number = 0
        while line := file.readline(max_bytes + 1):
            number += 1
            if len(line) <= max_bytes or line.endswith(b"\n"):
                yield number, line
                continue
            size = len(line)
            while (more := file.readline(LINE_BLOCK)) and not more.endswith(b"\n"):
                size += len(more)
            yield number, Rejected("text is too long", f"a line of {size + len(more):,} bytes")


def _jsonl(path: Path, max_bytes: int) -> Iterator[tuple[int, ReadRow]]:
    for number, line in _lines(path, max_bytes):
        if isinstance(line, Rejected):
            yield number, line
        elif line.strip():
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip()
                row = json.loads(text.removesuffix(",") if text.endswith("},") else text)
                kind = type(row).__name__
                yield number, row if isinstance(row, dict) else Rejected(NO_ROW, f"type {kind}")
            except UnicodeDecodeError as error:
                yield number, not_unicode(error)
            except (ValueError, RecursionError) as error:
                yield number, Rejected("not valid JSON", str(error)[:200])
