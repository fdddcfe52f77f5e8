"""The user's files from which a benchmark's TSV was made, so that messages name files that the user knows.

A note beside the TSV lists them. Without a note, the TSV is the published file itself.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import read_json

NOTE = ".made_from.json"


@dataclass(frozen=True)
class Origin:
    """The files that a TSV contains one after another, and the number of rows of each.

    If there are no numbers of rows, the TSV is an exact copy of the file.
    """

    files: tuple[str, ...]
    rows: tuple[int, ...]

    @property
    def named(self) -> str:
        """Return the files as a message names them."""
        more = len(self.files) - 1
        return f"{self.files[0]} and {more} more" if more else self.files[0]

    def row(self, place: int) -> str:
        """Return the row of the user's file at a place of the TSV (from 1): `row 3 of charts.jsonl`."""
        for file, count in zip(self.files, self.rows, strict=True):
            if place <= count:
                return f"row {place} of {Path(file).name}"
            place -= count
        return f"row {place}"


def note_origin(tsv: Path, files: list[Path], rows: list[int]) -> None:
    """Write a note beside a TSV about the files that it was made from."""
    note = {"files": [str(file) for file in files], "rows": rows}
    write_text(tsv.parent / NOTE, json.dumps(note, ensure_ascii=False) + "\n")


def origin_of(tsv: Path) -> Origin | None:
    """Return the files that a TSV was made from; None if the TSV itself is the user's file."""
    note = tsv.parent / NOTE
    if not note.is_file():
        return None
    try:
        found = read_json(note, "files", "rows")
        return Origin(tuple(map(str, found["files"])), tuple(map(int, found["rows"])))
    except (ValueError, TypeError):  # a damaged note counts as none
        return None


def named_file(tsv: Path) -> str:
    """Return the file that a message about a TSV names."""
    found = origin_of(tsv)
    return found.named if found else str(tsv)
