"""Which files of the user's a benchmark's TSV was made from, so that messages name what the user can open.

The note lies beside the TSV. Without one, the TSV is the published file itself.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import read_json

NOTE = ".made_from.json"


@dataclass(frozen=True)
class Origin:
    """The files that a TSV holds one after another, and how many rows it has of each.

    No numbers of rows mean that the TSV is the file's copy, line for line.
    """

    files: tuple[str, ...]
    rows: tuple[int, ...]

    @property
    def named(self) -> str:
        """The files, as a message names them."""
        more = len(self.files) - 1
        return f"{self.files[0]} and {more} more" if more else self.files[0]

    def row(self, place: int) -> str:
        """The row of the user's file that is at a place of the TSV (from 1): `row 3 of charts.jsonl`."""
        for file, count in zip(self.files, self.rows, strict=True):
            if place <= count:
                return f"row {place} of {Path(file).name}"
            place -= count
        return f"row {place}"


def note_origin(tsv: Path, files: list[Path], rows: list[int]) -> None:
    """Write beside a TSV what it was made from."""
    note = {"files": [str(file) for file in files], "rows": rows}
    write_text(tsv.parent / NOTE, json.dumps(note, ensure_ascii=False) + "\n")


def origin_of(tsv: Path) -> Origin | None:
    """What a TSV was made from, None where it is itself the file to look into."""
    note = tsv.parent / NOTE
    if not note.is_file():
        return None
    try:
        found = read_json(note, "files", "rows")
        return Origin(tuple(map(str, found["files"])), tuple(map(int, found["rows"])))
    except (ValueError, TypeError):  # a damaged note names nothing
        return None


def named_file(tsv: Path) -> str:
    """The file that a message about a TSV names."""
    found = origin_of(tsv)
    return found.named if found else str(tsv)
