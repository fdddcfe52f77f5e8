"""The record: one sample of a data set, in the same form for every source, stage and size.

A set is a folder with `records.parquet` and a folder of images, which are named by their content. So each
picture is stored once. The path of an image is

    images/<first two hex digits>/<sha256>.<png, jpg or webp>
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as parquet
from PIL import Image

from r1v3.base.atomic_write import atomic_write, write_bytes

ANSWER_TYPES = ("mcq", "mcq_multi", "fill", "open")
LETTERS = "ABCDEFGHIJ"
ROWS_AT_A_TIME = 1000

_TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        ("options", _TEXTS),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("answer_type", pa.string(), nullable=False),
        pa.field("images", _TEXTS, nullable=False),
        pa.field("domain", pa.string(), nullable=False),
        pa.field("difficulty", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        ("response", pa.string()),
        ("date", pa.string()),
        pa.field("edits", _TEXTS, nullable=False),
        pa.field("meta", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Record:
    """One question; `answer` is the canonical gold (letters if there are options).

    `images` are paths relative to the set's folder; their names are the sha256 of their content. `language`
    is an ISO 639 code. `date` is the day, month or year (ISO 8601) when the question was first published.
    `licence` is the licence of its source, as an SPDX identifier if there is one. `edits` lists all changes
    since the source, in order. `response` is the text, if any, that a model is trained to write after the
    assistant's role line, `<think>` included.
    """

    id: str
    question: str
    options: tuple[str, ...] | None
    answer: str
    answer_type: str
    images: tuple[str, ...]
    domain: str
    difficulty: str
    language: str
    source: str
    licence: str
    split: str
    response: str | None = None
    date: str | None = None
    edits: tuple[str, ...] = ()
    meta: dict = field(default_factory=dict)

    def with_response(self, response: str, **meta) -> "Record":
        """Return the same question with a response to learn from, and with more provenance."""
        return replace(self, response=response, meta={**self.meta, **meta})


class RecordWriter:
    """Writes `records.parquet` into a folder, some rows at a time. A context manager.

    The file appears when all records are written. After an error no file appears.
    """

    def __init__(self, folder: Path):
        self.path = Path(folder) / "records.parquet"
        self._atomic = atomic_write(self.path)
        self.count = 0
        self._rows: list[dict] = []

    def add(self, record: Record) -> None:
        meta = json.dumps(record.meta, sort_keys=True, ensure_ascii=False)
        self._rows.append({**record.__dict__, "meta": meta})
        self.count += 1
        if len(self._rows) >= ROWS_AT_A_TIME:
            self._flush()

    def _flush(self) -> None:
        columns = {name: [row[name] for row in self._rows] for name in SCHEMA.names}
        self._file.write_table(pa.table(columns, schema=SCHEMA))
        self._rows.clear()

    def __enter__(self) -> Self:
        partial = self._atomic.__enter__()
        self._file = parquet.ParquetWriter(partial, SCHEMA, compression="zstd")
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind is None and self._rows:
            self._flush()
        self._file.close()
        self._atomic.__exit__(kind, error, trace)


def write_records(folder: Path, records: Iterable[Record]) -> Path:
    """Write `records.parquet` into the folder and return its path."""
    with RecordWriter(folder) as out:
        for record in records:
            out.add(record)
    return out.path


def iter_records(folder: Path) -> Iterator[Record]:
    """Yield a set's records, in order, in bounded memory.

    Raises:
        FileNotFoundError: the folder contains no data set.
    """
    with parquet.ParquetFile(Path(folder) / "records.parquet") as file:
        for batch in file.iter_batches(ROWS_AT_A_TIME):
            for row in batch.to_pylist():
                yield _record(row)


def read_records(folder: Path) -> list[Record]:
    """Return all records of a set, in order.

    Raises:
        FileNotFoundError: the folder contains no data set.
    """
    return list(iter_records(folder))


def _record(row: dict) -> Record:
    options, edits = row["options"], row.get("edits")
    return Record(
        **{
            **row,
            "options": None if options is None else tuple(options),
            "images": tuple(row["images"]),
            "edits": tuple(edits or ()),
            "meta": json.loads(row["meta"]),
        }
    )


def png_bytes(image: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def store_image(folder: Path, image: Image.Image) -> str:
    """Store a picture under its content's hash; return its path relative to the folder."""
    return store_bytes(folder, png_bytes(image), "png")


def store_bytes(folder: Path, data: bytes, suffix: str) -> str:
    """Store a picture's file under its content's hash; return its path relative to the folder."""
    digest = hashlib.sha256(data).hexdigest()
    path = Path(folder) / "images" / digest[:2] / f"{digest}.{suffix}"
    if not path.exists():
        write_bytes(path, data, sync=False)  # without a sync, because there are millions
    return path.relative_to(folder).as_posix()


def render_question(question: str, options: tuple[str, ...] | None, images: int) -> str:
    """Return the user's turn: one `<image>` marker per picture, the question, lettered options.

    Raises:
        ValueError: the question contains markers, but not one for each picture.
    """
    markers = question.count("<image>")
    if markers not in (0, images):
        raise ValueError(
            f"the question marks {markers} pictures but has {images}: {question[:80]!r}"
        )
    lines = [] if markers else ["<image>"] * images
    lines.append(question)
    lines += [f"{letter}. {text}" for letter, text in zip(LETTERS, options or ())]
    return "\n".join(lines)
