"""Converts a data set's files (Parquet, JSON, CSV or TSV) to one TSV in VLMEvalKit's format.

Columns are renamed as the entry says. Picture columns (`image`, or `image_1`, `image_2`, ...) hold bytes in
Parquet and become base64. Several become a list in the order of their numbers. An unreadable row keeps its
place, and the column `unreadable` says why.

In a user's own file, rows without `index` are numbered. Pictures that `image_path` names are read into
`image`, so that the TSV contains everything that is asked.
"""

import base64
import csv
import json
import re
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import atomic_write
from r1v3.evaluate.items.encoding import not_utf8
from r1v3.evaluate.items.file_rows import FoundRow, rows_of_file
from r1v3.evaluate.items.origin import note_origin
from r1v3.evaluate.items.pictures import picture_fault
from r1v3.evaluate.items.rows import UNREADABLE, UnreadableFileError
from r1v3.recipe.graph.supplied import PICTURE_PATHS, paths_in

TEXT = (".tsv", ".csv", ".json", ".jsonl", ".ndjson")
# Our columns, by the names that they have in users' files.
OTHER_NAMES = {"choices": "options", "images": "image"} | {x.lower(): x for x in "ABCDEFGH"}
NUMBERED = re.compile(r"image_?(\d+)")


def to_tsv(
    files: list[Path],
    columns: dict[str, str],
    path: Path,
    *,
    pictures: Path | None = None,
    names_of: list[Path] | None = None,
) -> None:
    """Write the rows of all files, in order, as one TSV.

    Args:
        columns: our names for the files' columns.
        names_of: the files that messages name, if `files` are copies of them.
        pictures: for a user's own file, the folder to which `image_path` is relative; None for a published
            one.

    Raises:
        UnreadableFileError: a file is of an unknown kind, or is damaged.
    """
    named = names_of or files
    rows = path.with_suffix(".rows.jsonl")
    names: dict[str, None] = {}
    lost: list[str] = []  # reasons why rows cannot be read, in order
    # The columns are known only after the last row, so rows are kept in a file instead of in memory.
    with atomic_write(rows) as waiting, atomic_write(path) as partial:
        with open(waiting, "w", encoding="utf-8") as file:
            counts = [0] * len(files)
            rows_found = ((i, row) for i, each in enumerate(files) for row in rows_of_file(each))
            for number, (i, found) in enumerate(rows_found, 1):
                counts[i] += 1
                plain = _plain(found if pictures is None else _in_our_names(found), columns)
                if not lost and UNREADABLE in plain:
                    lost.append(plain[UNREADABLE])
                if pictures is not None:
                    _complete(plain, number, pictures)
                names.update(dict.fromkeys(plain))
                file.write(json.dumps(plain) + "\n")
            if names and pictures is not None:
                names.setdefault("index")  # if no row could be read, none was numbered
            if not names:
                raise UnreadableFileError(f"{named[0]}: it has no rows")
            if set(names) <= {UNREADABLE, "index"}:
                raise UnreadableFileError(_none_can_be_read(named[0], files[0], lost[0]))
        with (
            open(waiting, encoding="utf-8") as file,
            open(partial, "w", encoding="utf-8", errors="replace", newline="") as target,
        ):
            table = csv.DictWriter(target, list(names), "", delimiter="\t", quoting=csv.QUOTE_ALL)
            table.writeheader()
            table.writerows(json.loads(line) for line in file)
    rows.unlink()
    note_origin(path, named, counts)


def _none_can_be_read(named: Path, file: Path, first: str) -> str:
    hint = not_utf8(file) if file.suffix in TEXT else None
    return f"{named}: no row can be read; the first: {first}{f'; {hint}' if hint else ''}"


def _complete(row: dict[str, str], number: int, pictures: Path) -> None:
    """Number a row that has no index, and read its pictures from their files."""
    if UNREADABLE not in row and not row.get("index", "").strip():
        # In a file with indices, a bare number may be the index of another row.
        row["index"] = f"row {number}" if "index" in row else str(number)
    paths = row.pop(PICTURE_PATHS, "")
    if row.get("image", "").strip() or not paths.strip():
        return
    read = []
    for each in paths_in(paths):
        try:
            data = (pictures / each).read_bytes()
        except OSError as error:
            row[UNREADABLE] = f"the picture {each} cannot be read ({error.strerror})"
            continue
        if fault := picture_fault(data):
            row[UNREADABLE] = f"{each}: {fault}"
        read.append(base64.b64encode(data).decode())
    row["image"] = read[0] if len(read) == 1 else str(read)


def _in_our_names(row: FoundRow) -> FoundRow:
    """Rename the options and pictures of a user's row: `choices`, `images`, a, b, ..."""
    lettered = all(name in row for name in ("a", "b"))
    names = {
        other: ours
        for other, ours in OTHER_NAMES.items()
        if other in row and ours not in row and (len(other) > 1 or lettered)
    }
    return {names.get(name, name): value for name, value in row.items()}


def _plain(row: FoundRow, columns: dict[str, str]) -> dict[str, str]:
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
    if isinstance(value, list) and any(isinstance(one, dict) and "bytes" in one for one in value):
        return str([_base64(one) if isinstance(one, dict | bytes) else str(one) for one in value])
    return str(value)


def _base64(value: dict[str, Any] | bytes | None) -> str:
    data = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(data, str):  # it is base64 already, as in JSON
        return data
    return base64.b64encode(data).decode() if data else ""
