"""From a benchmark's TSV to its items, in bounded memory.

VLMEvalKit's file format is the interface: `index`, `question`, `image` (base64, a list of them, or the
index of another row that holds the same picture) or `image_path`, options `A`, `B`, ..., `answer`.
Pictures are decoded only when asked for, to files named by their content.
"""

import base64
import binascii
import hashlib
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from r1v3.base.atomic_write import write_bytes
from r1v3.evaluate.items.item import Item, Row, plain_items, read_list
from r1v3.recipe.tables.benchmarks import Benchmark

ROWS_AT_A_TIME = 256
LONGEST_REFERENCE = 64
JPEG = b"\xff\xd8"


def benchmark_code(entry: Benchmark, hook: str, default: Callable) -> Callable:
    """A hook (`read`, `judge` or `score`) of a benchmark's own module, or the default."""
    if entry.code is None:
        return default
    module = importlib.import_module(f"r1v3.evaluate.benchmarks.{entry.code}")
    return getattr(module, hook, default)


def load_items(entry: Benchmark, tsv: Path) -> list[Item]:
    """Every item of a benchmark, without pictures; rows that have none are left out.

    Raises:
        ValueError: two items have the same key, or none is left.
    """
    return [item for _, item in _items(entry, tsv, None)]


def load_asked(entry: Benchmark, tsv: Path, folder: Path) -> Iterator[tuple[Item, list[Path]]]:
    """Every item with the files of its pictures, decoded below `folder`."""
    for row, item in _items(entry, tsv, folder):
        yield item, [row[number] for number in item.images]


def _items(entry: Benchmark, tsv: Path, folder: Path | None):
    read = benchmark_code(entry, "read", plain_items)
    keys: set[str] = set()
    for row, pictures in _rows(entry, tsv, folder):
        for item in read(row, entry):
            if item.key in keys:
                raise ValueError(f"{tsv}: two items have the key {item.key!r}")
            keys.add(item.key)
            yield pictures, item
    if not keys:
        raise ValueError(f"{tsv}: no row with a picture and {entry.select or 'any split'}")


def _rows(entry: Benchmark, tsv: Path, folder: Path | None) -> Iterator[tuple[Row, list[Path]]]:
    """Rows that belong to the split and have a picture, each with its pictures' files."""
    known: dict[str, list[Path] | int] = {}
    waiting: list[Row] = []
    for chunk in pd.read_csv(
        tsv, sep="\t", dtype=str, keep_default_na=False, chunksize=ROWS_AT_A_TIME, encoding="utf-8"
    ):
        _require_columns(entry, tsv, list(chunk.columns))
        for row in chunk.to_dict("records"):
            image = row.pop("image", "")
            column = image or row.get("image_path", "")
            if not column and entry.needs_picture:
                continue
            refers = bool(image) and len(image) <= LONGEST_REFERENCE and not image.startswith("[")
            if not refers:
                known[row["index"]] = _pictures(column, bool(image), tsv, folder)
            if any(row.get(name, "") != value for name, value in entry.select.items()):
                continue
            source = image if refers else row["index"]
            if source not in known:
                waiting.append({**row, "image": image})
                continue
            yield _counted(row, known[source])
    for row in waiting:
        image = row.pop("image")
        if image not in known:
            raise ValueError(f"{tsv}: row {row['index']} has the picture of {image!r}, not there")
        yield _counted(row, known[image])


def _counted(row: Row, pictures: list[Path] | int) -> tuple[Row, list[Path]]:
    if isinstance(pictures, int):
        return {**row, "pictures": str(pictures)}, []
    return {**row, "pictures": str(len(pictures))}, pictures


def _require_columns(entry: Benchmark, tsv: Path, columns: list[str]) -> None:
    wanted = {"index", *entry.select, *entry.by, *entry.cluster}
    missing = sorted(wanted - set(columns))
    if missing:
        raise ValueError(f"{tsv}: no column {', '.join(missing)} (it has {', '.join(columns)})")


def _pictures(column: str, encoded: bool, tsv: Path, folder: Path | None) -> list[Path] | int:
    """The files of a row's pictures, or how many there are where no folder is given."""
    values = [str(value) for value in read_list(column)]
    if folder is None:
        return len(values)
    if encoded:
        return [_decoded(value, tsv, folder) for value in values]
    paths = [path if (path := Path(value)).is_absolute() else tsv.parent / path for value in values]
    for path in paths:
        if not path.is_file():
            raise ValueError(f"{tsv}: the picture {path} is not there")
    return paths


def _decoded(text: str, tsv: Path, folder: Path) -> Path:
    """Write one base64 picture under its sha256; a picture already there is not written again."""
    try:
        data = base64.b64decode(text, validate=False)
    except binascii.Error as error:
        raise ValueError(f"{tsv}: a picture is not base64 ({error})") from None
    name = hashlib.sha256(data).hexdigest()
    suffix = ".jpg" if data[:2] == JPEG else ".png"
    path = folder / name[:2] / f"{name}{suffix}"
    if not path.exists():
        write_bytes(path, data)
    return path
