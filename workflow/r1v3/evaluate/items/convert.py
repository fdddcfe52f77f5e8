"""Data-card files (Parquet, JSONL, CSV or TSV) become one TSV in VLMEvalKit's format.

Columns are renamed as the entry says. Picture columns (`image`, or `image_1`, `image_2`, ...) hold
bytes in Parquet and become base64; several become a list in the order of their numbers.
"""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as parquet

from r1v3.base.atomic_write import atomic_write

ROWS_AT_A_TIME = 128
NUMBERED = re.compile(r"image_?(\d+)")


def to_tsv(files: list[Path], columns: dict[str, str], path: Path) -> None:
    """Write the rows of all files, in order, as one TSV."""
    header: list[str] | None = None
    with atomic_write(path) as partial, open(partial, "w", encoding="utf-8", newline="") as target:
        for file in files:
            for rows in _chunks(file):
                frame = pd.DataFrame([_plain(row, columns) for row in rows])
                if header is None:
                    header = list(frame.columns)
                    frame.to_csv(target, sep="\t", index=False)
                else:
                    frame.reindex(columns=header).to_csv(
                        target, sep="\t", index=False, header=False
                    )


def _chunks(file: Path) -> Iterator[list[dict]]:
    """Rows of a file, some at a time.

    Raises:
        ValueError: the file is of a kind that is not known.
    """
    if file.suffix == ".parquet":
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=ROWS_AT_A_TIME):
            yield batch.to_pylist()
    elif file.suffix in (".tsv", ".csv"):
        separator = "\t" if file.suffix == ".tsv" else ","
        for chunk in pd.read_csv(
            file, sep=separator, dtype=str, keep_default_na=False, chunksize=ROWS_AT_A_TIME
        ):
            yield chunk.to_dict("records")
    elif file.suffix == ".jsonl":
        with open(file, encoding="utf-8") as lines:
            yield [json.loads(line) for line in lines if line.strip()]
    else:
        raise ValueError(f"{file}: a benchmark's file is .tsv, .csv, .jsonl or .parquet")


def _plain(row: dict, columns: dict[str, str]) -> dict[str, str]:
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


def _text(value) -> str:
    if value is None:
        return ""
    if (isinstance(value, dict) and set(value) == {"bytes", "path"}) or isinstance(value, bytes):
        return _base64(value)
    if isinstance(value, list) and value and isinstance(value[0], dict) and "bytes" in value[0]:
        return str([_base64(one) for one in value])
    return str(value)


def _base64(value) -> str:
    data = value.get("bytes") if isinstance(value, dict) else value
    return base64.b64encode(data).decode() if data else ""
