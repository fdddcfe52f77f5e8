"""Data-card files (Parquet, JSON lines, CSV or TSV) become one TSV in VLMEvalKit's format.

Columns are renamed as the entry says. Picture columns (`image`, or `image_1`, `image_2`, ...) hold
bytes in Parquet and become base64; several become a list in the order of their numbers. A row that cannot be
read keeps its place: the column `unreadable` says why.

Of a user's own file, rows without `index` are numbered, and pictures that `image_path` names are read into
`image`, so that the TSV holds all that is asked.
"""

import base64
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from r1v3.base.atomic_write import atomic_write
from r1v3.evaluate.items.rows import (
    SEPARATORS,
    UNREADABLE,
    UnreadableFileError,
    read_benchmark_rows,
)
from r1v3.recipe.graph.supplied import PICTURE_PATHS, paths_in

ROWS_AT_A_TIME = 128
NUMBERED = re.compile(r"image_?(\d+)")
Found = dict[str, Any]


def to_tsv(
    files: list[Path], columns: dict[str, str], path: Path, *, pictures: Path | None = None
) -> None:
    """Write the rows of all files, in order, as one TSV.

    Args:
        columns: our names for columns of theirs.
        pictures: the folder that `image_path` leads from, of a user's own file; None for a published one.

    Raises:
        UnreadableFileError: a file is of a kind that is not known, or cannot be opened as what it is.
    """
    rows = path.with_suffix(".rows.jsonl")
    names: dict[str, None] = {}
    # The columns are known only after the last row, so rows wait in a file, not in memory.
    with atomic_write(rows) as waiting, atomic_write(path) as partial:
        with open(waiting, "w", encoding="utf-8") as file:
            rows_found = (row for each in files for row in _rows(each))
            for number, found in enumerate(rows_found, 1):
                plain = _plain(found, columns)
                if pictures is not None:
                    _complete(plain, number, pictures)
                names.update(dict.fromkeys(plain))
                file.write(json.dumps(plain) + "\n")
        with (
            open(waiting, encoding="utf-8") as file,
            open(partial, "w", encoding="utf-8", errors="replace", newline="") as target,
        ):
            table = csv.DictWriter(target, list(names), "", delimiter="\t", quoting=csv.QUOTE_ALL)
            table.writeheader()
            table.writerows(json.loads(line) for line in file)
    rows.unlink()


def _rows(file: Path) -> Iterator[Found]:
    """The rows of a file; an unreadable one has its reason under `UNREADABLE`."""
    if file.suffix == ".parquet":
        try:
            for batch in parquet.ParquetFile(file).iter_batches(batch_size=ROWS_AT_A_TIME):
                yield from batch.to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFileError(f"{file}: it is no Parquet file ({error})") from None
    elif file.suffix in SEPARATORS:
        for line in read_benchmark_rows(file):
            yield {**line.row, UNREADABLE: line.reason} if line.reason else dict(line.row)
    elif file.suffix == ".jsonl":
        yield from _json_lines(file)
    else:
        raise UnreadableFileError(
            f"{file}: a benchmark's file is .tsv, .csv, .jsonl or .parquet, not {file.suffix!r}"
        )


def _json_lines(file: Path) -> Iterator[Found]:
    with open(file, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:  # bytes that are not UTF-8 too
                row, reason = None, f"line {number} is not JSON ({error})"
            else:
                reason = f"line {number} is not an object"
            yield row if isinstance(row, dict) else {UNREADABLE: reason}


def count_rows(file: Path) -> int:
    """How many rows a file has, unreadable ones included.

    Raises:
        UnreadableFileError: see `to_tsv`.
    """
    if file.suffix == ".parquet":
        try:
            return parquet.ParquetFile(file).metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFileError(f"{file}: it is no Parquet file ({error})") from None
    return sum(1 for _ in _rows(file))


def _complete(row: dict[str, str], number: int, pictures: Path) -> None:
    """Number a row that has no index, and read its pictures from their files."""
    row["index"] = row.get("index", "").strip() or str(number)
    paths = row.pop(PICTURE_PATHS, "")
    if row.get("image", "").strip() or not paths.strip():
        return
    read = []
    for each in paths_in(paths):
        try:
            read.append(base64.b64encode((pictures / each).read_bytes()).decode())
        except OSError as error:
            row[UNREADABLE] = f"the picture {each} cannot be read ({error.strerror})"
    row["image"] = read[0] if len(read) == 1 else str(read)


def _plain(row: Found, columns: dict[str, str]) -> dict[str, str]:
    numbered = sorted(
        (int(match[1]), name)
        for name in row
        if (match := NUMBERED.fullmatch(name)) and isinstance(row[name], dict | bytes | None)
    )
    pictures = [text for _, name in numbered if (text := _base64(row[name]))]
    plain = {
        columns.get(name, name): _text(value)
        for name, value in row.items()
        if name not in {name for _, name in numbered}
    }
    if numbered:
        plain["image"] = (
            "" if not pictures else pictures[0] if len(pictures) == 1 else str(pictures)
        )
    return plain


def _text(value: Any) -> str:
    if value is None:
        return ""
    if (isinstance(value, dict) and set(value) == {"bytes", "path"}) or isinstance(value, bytes):
        return _base64(value)
    if isinstance(value, list) and value and isinstance(value[0], dict) and "bytes" in value[0]:
        return str([_base64(one) for one in value])
    return str(value)


def _base64(value: dict[str, Any] | bytes | None) -> str:
    data = value.get("bytes") if isinstance(value, dict) else value
    return base64.b64encode(data).decode() if data else ""
