"""Reads the items of a benchmark from its TSV, in bounded memory.

The interface is VLMEvalKit's file format: `index`, `question`, `image` (base64, a list of them, or the index
of another row that holds the same picture) or `image_path`, options `A`, `B`, ..., `answer`. Pictures are
decoded only when they are needed, to files that are named by their content.

An unreadable row affects only itself: it is named, counted, and scored as the entry's `unreadable` says. If
there are more than `unreadable` allows, the file is not the benchmark, and nothing of it is scored.
"""

import hashlib
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from r1v3.base.atomic_write import write_bytes
from r1v3.base.json_file import read_json
from r1v3.evaluate.items.encoding import not_utf8
from r1v3.evaluate.items.file_rows import refuse_another
from r1v3.evaluate.items.item import Item, cluster_of, columns_of, plain_items
from r1v3.evaluate.items.origin import Origin, named_file, origin_of
from r1v3.evaluate.items.pictures import (
    decode_base64,
    faults,
    file_fault,
    is_reference,
    picture_texts,
    unknown_reference,
)
from r1v3.evaluate.items.rows import (
    Line,
    Row,
    UnreadableFileError,
    read_benchmark_rows,
    read_columns,
)
from r1v3.recipe.tables.benchmarks import Benchmark

MISSING_FILE = ".missing.json"  # beside the place of the TSV: why the file is missing
# Errors that a damaged row may raise while it is read; any other error is a mistake of this project.
ROW_ERRORS = (ValueError, LookupError, TypeError, SyntaxError, ArithmeticError, AttributeError)
NOT_TEXT = re.compile("not text in UTF-8|not valid Unicode")
JPEG = b"\xff\xd8"


@dataclass(frozen=True)
class UnreadableRow:
    """A row that is no item: its index (or line), the reason, and what is scored instead.

    `stand_ins` are items without a right answer: as many as the row would have had, in its clusters.
    """

    row: str
    reason: str
    stand_ins: tuple[Item, ...]


@dataclass(frozen=True)
class Loaded:
    """The content of a benchmark's file. `items` are asked, in the file's order.

    `without_picture` counts the rows that were left out because they have no picture.
    """

    items: list[Item]
    unreadable: list[UnreadableRow]
    without_picture: int

    def scored(self, entry: Benchmark) -> list[Item]:
        """Return the items that count, including stand-ins if unreadable rows count as wrong."""
        if entry.unreadable.scored == "left out":
            return self.items
        return [*self.items, *(item for row in self.unreadable for item in row.stand_ins)]


Hook = Literal["items_of_row", "describe_row", "own_verdict", "earned_share", "score_items"]


def benchmark_code(entry: Benchmark, hook: Hook, default: Callable[..., Any]) -> Callable[..., Any]:
    """Return a hook of a benchmark's own module (see `r1v3.evaluate.benchmarks`), or the default."""
    if entry.code is None:
        return default
    module = importlib.import_module(f"r1v3.evaluate.benchmarks.{entry.code}")
    return getattr(module, hook, default)


def load_benchmark(entry: Benchmark, tsv: Path) -> Loaded:
    """Read every item of a benchmark without pictures, and what is unreadable.

    Raises:
        UnreadableFileError: the file is missing or is no such benchmark, more rows are unreadable than the
            entry allows, or no item is left.
    """
    items: list[Item] = []
    unreadable: list[UnreadableRow] = []
    counts = {"rows": 0, "without_picture": 0}
    for found, _ in _read(entry, tsv, None, counts):
        if isinstance(found, Item):
            items.append(found)
        else:
            unreadable.append(found)
    _check_share(entry, tsv, counts["rows"], unreadable, bool(items))
    return Loaded(items, unreadable, counts["without_picture"])


def load_items(entry: Benchmark, tsv: Path) -> list[Item]:
    """Return the items that are asked, in the file's order; see `load_benchmark`."""
    return load_benchmark(entry, tsv).items


def load_scored(entry: Benchmark, tsv: Path) -> dict[str, Item]:
    """Return the items that count, by key; see `Loaded.scored`."""
    return {item.key: item for item in load_benchmark(entry, tsv).scored(entry)}


def load_asked(entry: Benchmark, tsv: Path, folder: Path) -> Iterator[tuple[Item, list[Path]]]:
    """Yield every item with the files of its pictures, decoded below `folder`.

    Raises:
        UnreadableFileError: see `load_benchmark`.
    """
    load_benchmark(entry, tsv)
    for found, pictures in _read(entry, tsv, folder, {"rows": 0, "without_picture": 0}):
        if isinstance(found, Item):
            yield found, [pictures[number] for number in found.images]


def _check_share(
    entry: Benchmark, tsv: Path, rows: int, unreadable: list[UnreadableRow], any_left: bool
) -> None:
    name, first = tsv.stem, ""
    if unreadable:
        first = f"; first row {unreadable[0].row}: {unreadable[0].reason}"
    policy = entry.unreadable
    if len(unreadable) > max(policy.rows, policy.share * rows):
        first += _hint_of_encoding(tsv, unreadable)
        raise UnreadableFileError(
            f"{name} ({named_file(tsv)}): {len(unreadable)} of {rows} rows cannot be read, more than the"
            f" {policy.rows} rows or {100 * policy.share:g} % that `unreadable` allows{first}"
        )
    if any_left:
        return
    if unreadable:
        first += _hint_of_encoding(tsv, unreadable)
        raise UnreadableFileError(
            f"{name} ({named_file(tsv)}): none of its rows can be read{first}"
        )
    which = [f"with {column} {value!r}" for column, value in entry.select.items()]
    if entry.needs_picture:
        which.insert(0, "with a picture")
    raise UnreadableFileError(
        f"{name} ({named_file(tsv)}): it has no row {' and '.join(which)}".rstrip()
    )


def _hint_of_encoding(tsv: Path, unreadable: list[UnreadableRow]) -> str:
    """Return advice if most rows are lost because the file has another encoding."""
    odd = [row for row in unreadable if NOT_TEXT.search(row.reason)]
    origin = origin_of(tsv)
    file = Path(origin.files[0]) if origin else tsv
    if 2 * len(odd) < len(unreadable) or not file.is_file():
        return ""
    hint = not_utf8(file)
    return f"; {hint}" if hint else ""


def _read(
    entry: Benchmark, tsv: Path, folder: Path | None, counts: dict[str, int]
) -> Iterator[tuple[Item | UnreadableRow, list[Path]]]:
    """Yield items and unreadable rows, in the file's order, and fill `counts`."""
    read = benchmark_code(entry, "items_of_row", plain_items)
    keys: set[str] = set()
    for line, pictures in _rows(entry, tsv, folder, counts):
        counts["rows"] += 1
        try:
            if line.reason is not None:
                raise ValueError(line.reason)
            items: list[Item] = read(line.row, entry)
            twice = [item.key for item in items if item.key in keys]
            if twice:
                raise ValueError(f"two items have the key {twice[0]!r}")
        except ROW_ERRORS as error:
            yield _unreadable(entry, line, _said(error), keys, origin_of(tsv)), []
            continue
        keys.update(item.key for item in items)
        for item in items:
            yield item, pictures


def _said(error: Exception) -> str:
    return f"no {error.args[0]!r}" if isinstance(error, KeyError) else str(error) or repr(error)


def _unreadable(
    entry: Benchmark, line: Line, reason: str, keys: set[str], origin: Origin | None
) -> UnreadableRow:
    """Make an unreadable row with the items that replace it, under their own keys."""
    index = line.row.get("index", "")
    row = {**line.row, "index": index or f"line {line.number}"}
    try:
        places = benchmark_code(entry, "describe_row", _place)(row, entry)
    except ROW_ERRORS:
        places = [{"key": row["index"], "cluster": row["index"]}]
    stand_ins = []
    for place in places:
        key = place["key"] if place["key"] not in keys else f"{place['key']} (line {line.number})"
        keys.add(key)
        known = {
            "cluster": key,
            "columns": columns_of(row, entry),
            "extra": {},
            **place,
            "key": key,
        }
        stand_ins.append(
            Item(
                prompt="",
                images=(),
                question="",
                golds=(),
                answer_type="open",
                options=None,
                **known,
            )
        )
    where = origin.row(line.place) if origin and origin.rows else f"line {line.number}"
    return UnreadableRow(f"{index} ({where})".strip(), reason, tuple(stand_ins))


def _place(row: Row, entry: Benchmark) -> list[dict[str, Any]]:
    return [{"key": row["index"], "cluster": cluster_of(row, entry)}]


def _rows(
    entry: Benchmark, tsv: Path, folder: Path | None, counts: dict[str, int]
) -> Iterator[tuple[Line, list[Path]]]:
    """Yield the rows that belong to the split and have a picture, each with its pictures' files."""
    if not tsv.is_file():
        raise UnreadableFileError(f"{tsv.stem} ({tsv}): {why_missing(tsv)}")
    _require_columns(entry, tsv)
    bad = faults(tsv)
    known: dict[str, list[Path] | int | str] = {}
    waiting: list[tuple[Line, str]] = []
    for line in read_benchmark_rows(tsv):
        row = dict(line.row)
        line = replace(line, row=row)
        image = row.pop("image", "").strip()
        refers = is_reference(image)
        encoded = picture_texts(image)
        named = encoded or picture_texts(row.get("image_path", ""))
        chosen = all(row.get(name, "") == value for name, value in entry.select.items())
        if line.reason is not None:
            # The split of a damaged row cannot be trusted, unless it names another split.
            if chosen or not all(row.get(name) for name in entry.select):
                yield line, []
            continue
        if not named and entry.needs_picture:
            counts["without_picture"] += chosen
            continue
        if not refers:
            fault = bad.get(str(line.number))
            known[row["index"]] = fault or _pictures(named, bool(encoded), tsv, folder)
        if not chosen:
            continue
        source = image if refers else row["index"]
        if source in known:
            yield _with_pictures(line, known[source])
        else:
            waiting.append((line, source))
    for line, source in waiting:
        yield _with_pictures(line, known.get(source, unknown_reference(source)))


def why_missing(tsv: Path) -> str:
    """Return why a benchmark's file is missing, as `obtain_benchmark` noted it."""
    note = tsv.parent / MISSING_FILE
    return read_json(note, "reason")["reason"] if note.is_file() else "the file is not there"


def _with_pictures(line: Line, pictures: list[Path] | int | str) -> tuple[Line, list[Path]]:
    if isinstance(pictures, str):
        return replace(line, reason=pictures), []
    count = pictures if isinstance(pictures, int) else len(pictures)
    files = [] if isinstance(pictures, int) else pictures
    return replace(line, row={**line.row, "pictures": str(count)}), files


def _require_columns(entry: Benchmark, tsv: Path) -> None:
    try:
        refuse_another(tsv)
        columns = read_columns(tsv)
    except UnreadableFileError as error:
        reason = str(error).removeprefix(f"{tsv}: ")
        raise UnreadableFileError(f"{tsv.stem} ({named_file(tsv)}): {reason}") from None
    wanted = {"index", *entry.select, *entry.by, *entry.cluster}
    if entry.code is None:  # a benchmark's own module reads its columns, and says what is missing
        wanted.add(entry.answer.column)
    missing = sorted(wanted - set(columns))
    if missing:
        raise UnreadableFileError(
            f"{tsv.stem} ({named_file(tsv)}): no column {', '.join(missing)} (it has {', '.join(columns)})"
        )


def _pictures(
    values: list[str], encoded: bool, tsv: Path, folder: Path | None
) -> list[Path] | int | str:
    """Return the files of a row's pictures, their number if no folder is given, or what is wrong."""
    if not encoded:
        paths = [tsv.parent / value for value in values]  # an absolute path stays as it is
        wrong = next((fault for path in paths if (fault := file_fault(path))), None)
        return wrong or (paths if folder is not None else len(paths))
    if folder is None:
        return len(values)
    return [_written(decode_base64(value), folder) for value in values]


def _written(data: bytes, folder: Path) -> Path:
    """Write one picture under its sha256, unless it exists."""
    name = hashlib.sha256(data).hexdigest()
    suffix = ".jpg" if data[:2] == JPEG else ".png"
    path = folder / name[:2] / f"{name}{suffix}"
    if not path.exists():
        write_bytes(path, data)
    return path
