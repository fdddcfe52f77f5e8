"""Rows of JSONL, TSV, CSV and Parquet files, one at a time; what is too long is refused unread.

A row that cannot be read is yielded as the reason why, so that each line of a file is accounted for.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from r1v3.data.fields import Refused
from r1v3.data.sources.separated import read_separated
from r1v3.recipe.tables.sources import suffixes

ROWS_AT_A_TIME = 64
LINE_BLOCK = 1 << 20
Row = dict | Refused


def read_rows(path: Path, max_bytes: int) -> Iterator[tuple[int, Row]]:
    """Number (from 1) and content of each row.

    Args:
        max_bytes: of a line of text, or of one cell of Parquet; longer ones are refused without being
            held in memory.

    Raises:
        ValueError: the file is of another kind.
    """
    kind = suffixes(path)
    if kind == ".parquet":
        yield from _parquet(path, max_bytes)
    elif kind == ".jsonl":
        yield from _jsonl(path, max_bytes)
    elif kind in (".tsv", ".csv"):
        yield from read_separated(
            _lines(path, max_bytes), max_bytes, "\t" if kind == ".tsv" else ","
        )
    else:
        raise ValueError(f"{path.name}: a source's file is .jsonl, .tsv, .csv or .parquet")


def _parquet(path: Path, max_bytes: int) -> Iterator[tuple[int, Row]]:
    number = 0
    try:
        file = parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        yield 1, Refused("file is damaged", str(error)[:200])
        return
    with file:
        for batch in file.iter_batches(ROWS_AT_A_TIME):
            long = _too_long(batch, max_bytes)
            for position in range(batch.num_rows):
                number += 1
                if position in long:
                    yield number, Refused("text is too long", f"{long[position]:,} bytes")
                    continue
                try:
                    yield number, batch.slice(position, 1).to_pylist()[0]
                except (UnicodeDecodeError, pa.ArrowException) as error:
                    yield number, Refused("not valid Unicode", str(error)[:200])


def _too_long(batch: pa.RecordBatch, max_bytes: int) -> dict[int, int]:
    """Rows with a text cell above the limit, told without copying it."""
    found: dict[int, int] = {}
    if batch.nbytes <= max_bytes:
        return found
    for column in batch.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            sizes = compute.call_function("binary_length", [column]).to_pylist()
            found |= {n: size for n, size in enumerate(sizes) if size and size > max_bytes}
    return found


def _lines(path: Path, max_bytes: int) -> Iterator[tuple[int, bytes | Refused]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        number = 0
        while line := file.readline(max_bytes + 1):
            number += 1
            if len(line) <= max_bytes or line.endswith(b"\n"):
                yield number, line
                continue
            size = len(line)
            while (more := file.readline(LINE_BLOCK)) and not more.endswith(b"\n"):
                size += len(more)
            yield number, Refused("text is too long", f"a line of {size + len(more):,} bytes")


def _jsonl(path: Path, max_bytes: int) -> Iterator[tuple[int, Row]]:
    for number, line in _lines(path, max_bytes):
        if isinstance(line, Refused):
            yield number, line
        elif line.strip():
            try:
                row = json.loads(line.decode("utf-8"))
                yield number, row if isinstance(row, dict) else Refused("not a row of fields")
            except UnicodeDecodeError as error:
                yield number, Refused("not valid Unicode", str(error)[:200])
            except (ValueError, RecursionError) as error:
                yield number, Refused("not valid JSON", str(error)[:200])
