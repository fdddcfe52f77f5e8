"""The record: one sample of a data set, the same for every source, stage and size.

A set is a folder with `records.parquet` and an image folder keyed by content
(`images/<first two hex digits>/<sha256>.png`), so that one picture is stored once.
"""

import hashlib
import io
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from PIL import Image

ANSWER_TYPES = ("mcq", "mcq_multi", "fill", "open")


@dataclass(frozen=True)
class Record:
    """One question; `answer` is the canonical gold (letters where there are options).

    `images` are paths relative to the set's folder. `response`, where there is one, is what a model
    is trained to write after the assistant's role line, `<think>` included.
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
    meta: dict = field(default_factory=dict)

    def with_response(self, response: str, **meta) -> "Record":
        """The same question with a response to learn from, and more provenance."""
        return replace(self, response=response, meta={**self.meta, **meta})


def write_records(folder: Path, records: list[Record]) -> Path:
    """Write `records.parquet` into the folder and return its path."""
    rows = [
        {
            **record.__dict__,
            "options": None if record.options is None else list(record.options),
            "images": list(record.images),
            "meta": json.dumps(record.meta, sort_keys=True, ensure_ascii=False),
        }
        for record in records
    ]
    path = Path(folder) / "records.parquet"
    partial = path.with_suffix(".partial")
    pd.DataFrame(rows, columns=list(Record.__dataclass_fields__)).to_parquet(partial, index=False)
    partial.replace(path)
    return path


def read_records(folder: Path) -> list[Record]:
    """Read a set's records, in order.

    Raises:
        FileNotFoundError: the folder holds no data set.
    """
    table = pd.read_parquet(Path(folder) / "records.parquet")
    return [
        Record(
            **{
                **row,
                "options": None if row["options"] is None else tuple(row["options"]),
                "images": tuple(row["images"]),
                "response": row["response"] if isinstance(row["response"], str) else None,
                "meta": json.loads(row["meta"]),
            }
        )
        for row in table.to_dict("records")
    ]


def store_image(folder: Path, image: Image.Image) -> str:
    """Store a picture under its content's hash; return its path relative to the folder."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    path = Path(folder) / "images" / digest[:2] / f"{digest}.png"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(data)
        partial.replace(path)
    return str(path.relative_to(folder))


def render_question(question: str, options: tuple[str, ...] | None, images: int) -> str:
    """The user's turn: one `<image>` marker per picture, the question, lettered options.

    Raises:
        ValueError: the question holds some markers, but not one for each picture.
    """
    markers = question.count("<image>")
    if markers not in (0, images):
        raise ValueError(
            f"the question marks {markers} pictures but has {images}: {question[:80]!r}"
        )
    lines = [] if markers else ["<image>"] * images
    lines.append(question)
    lines += [f"{letter}. {text}" for letter, text in zip("ABCDEFGHIJ", options or ())]
    return "\n".join(lines)
