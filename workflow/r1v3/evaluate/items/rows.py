"""Reads the rows of a TSV or CSV one by one, so that a damaged row affects no other.

The published files are written by pandas: cells with a tab, a quote or a line break are in quotes. A row that
lost a quote would swallow the rows after it. So reading continues at the line after its first line.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from r1v3.evaluate.items.encoding import not_utf8
from r1v3.recipe.graph.supplied import LONGEST_CELL, SEPARATORS

Row = dict[str, str]

UNREADABLE = "unreadable"  # a column of a converted file: why the row could not be read
LONGEST_ROW = 2**16  # most lines of a row; a longer one has lost a quote
NOT_A_NUMBER = ("nan", "NaN")  # pandas' texts for an empty cell
WHOLE = re.compile(r"\d+\.0")  # pandas' form of an index in a column with an empty cell
CODES = range(
    0xDC80, 0xDD00
)  # characters that `surrogateescape` writes for bytes that are not UTF-8


class UnreadableFileError(ValueError):
    """A benchmark that cannot be read at all. The message names it, its file and the reason."""


@dataclass(frozen=True)
class Line:
    """A row, and the number of the line where it begins. `reason` says why it cannot be read.

    `place` counts the rows, from 1.
    """

    number: int
    row: Row
    reason: str | None = None
    place: int = 0


def read_columns(path: Path) -> list[str]:
    """Return the names of the columns, from the first line that is not empty.

    Raises:
        UnreadableFileError: the file is empty, or its first line is not UTF-8 text.
    """
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        try:
            lines = csv.reader(file, delimiter=SEPARATORS[path.suffix])
            header = next((cells for cells in lines if any(map(str.strip, cells))), None)
        except csv.Error as error:
            raise UnreadableFileError(f"{path}: the first line is no header ({error})") from None
    if not header:
        raise UnreadableFileError(f"{path}: the file is empty")
    if any(_odd(name) for name in header):
        hint = not_utf8(path)
        raise UnreadableFileError(
            f"{path}: the first line is not text in UTF-8{f'; {hint}' if hint else ''}"
        )
    return [name.strip() for name in header]


def read_benchmark_rows(path: Path) -> Iterator[Line]:
    """Yield every row of a `.tsv` or `.csv` file in UTF-8. A missing cell makes a row unreadable.

    A row whose index is empty is named by its place.

    Raises:
        UnreadableFileError: see `read_columns`.
    """
    for place, line in enumerate(_lines(path), 1):
        unnamed = line.reason is None and not line.row.get("index", "named")
        row = {**line.row, "index": f"row {place}"} if unnamed else line.row
        yield replace(line, row=row, place=place)


def _lines(path: Path) -> Iterator[Line]:
    header = read_columns(path)
    csv.field_size_limit(LONGEST_CELL)
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        damaged_until = 0
        for record in _Records(file, SEPARATORS[path.suffix], len(header)):
            if [cell.strip() for cell in record.cells] == header or (
                record.lines == 1 and not any(map(str.strip, record.cells))
            ):
                continue  # a header, which joined files repeat, or an empty line
            if record.error is None:
                yield _line(record.first, header, record.cells)
                damaged_until = 0
            elif record.first >= damaged_until:
                row = {name: _clean(cell) for name, cell in zip(header, record.cells)}
                yield Line(record.first, row, record.error)
                damaged_until = record.first + record.lines
            # The remaining lines are the rest of a damaged row of several lines.


def _line(number: int, header: list[str], cells: list[str]) -> Line:
    row: Row = {}
    unlike = ""
    for name, cell in zip(header, cells):
        text = "" if cell.strip() in NOT_A_NUMBER else cell
        if row.setdefault(name, text) != text:
            unlike = f"two columns are called {name}, and differ"
    if "index" in row:
        index = row["index"].strip()
        row["index"] = index.removesuffix(".0") if WHOLE.fullmatch(index) else index
    odd = [name for name, cell in row.items() if _odd(cell)]
    if odd:
        holds = (
            "holds a NUL byte" if any("\0" in row[name] for name in odd) else "is not text in UTF-8"
        )
        row = {name: _clean(cell) for name, cell in row.items()}
        return Line(number, row, f"{', '.join(odd)} {holds}")
    return Line(number, row, row.pop(UNREADABLE, "") or unlike or None)


def _odd(text: str) -> bool:
    """Return whether a text has bytes that are not UTF-8, or NUL."""
    return (not text.isascii() and any(ord(char) in CODES for char in text)) or "\0" in text


def _clean(text: str) -> str:
    """Return a text that can be printed, whatever bytes it was made of."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


@dataclass(frozen=True)
class _Record:
    """A record of the file: its first line, number of lines, cells, and what is wrong."""

    first: int
    lines: int
    cells: list[str]
    error: str | None


class _Records:
    """Iterates over the records of a file. After a damaged record, all lines but its first are read again."""

    def __init__(self, file: Iterator[str], separator: str, width: int):
        self.file, self.separator, self.width = file, separator, width
        self.given_back: list[str] = []  # lines to read again; the next one is last
        self.taken: list[str] = []  # lines of the record that is being read

    def __iter__(self) -> Iterator[_Record]:
        first = 1
        reader = csv.reader(self._feed(), delimiter=self.separator, strict=True)
        while True:
            cells, error = self._next(reader)
            if not self.taken:
                return
            lines = len(self.taken)
            if error is None:
                if cells:
                    yield _Record(first, lines, cells, None)
                first += lines
            else:
                yield _Record(first, lines, cells, error)
                first += 1
                self.given_back.extend(reversed(self.taken[1:]))
                reader = csv.reader(self._feed(), delimiter=self.separator, strict=True)
            self.taken = []

    def _next(self, reader: Iterator[list[str]]) -> tuple[list[str], str | None]:
        try:
            cells = next(reader, [])
        except csv.Error as found:
            if len(self.taken) > 1:
                return self._split_first(), "a quote is not closed, or stands where none may"
            # Quotes inside a cell that has none around it are kept, as pandas does.
            lenient = csv.reader(self.taken, delimiter=self.separator)
            try:
                cells = next(lenient, [])
            except csv.Error:
                return [], str(found)
            if "unexpected end" in str(found):
                return cells, "a quote is not closed"
        if cells and len(cells) != self.width:
            return self._split_first(), f"it has {len(cells)} of {self.width} cells"
        return cells, None

    def _split_first(self) -> list[str]:
        """Return the cells of a damaged record's first line unchecked; they only serve to name the row."""
        return [cell.strip('"\r\n') for cell in self.taken[0].split(self.separator)]

    def _feed(self) -> Iterator[str]:
        while len(self.taken) < LONGEST_ROW:
            line = self.given_back.pop() if self.given_back else next(self.file, None)
            if line is None:
                return
            self.taken.append(line)
            yield line
