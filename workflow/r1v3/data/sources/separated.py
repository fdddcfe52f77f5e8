"""Reads the rows of TSV and CSV files. A cell in quotes may contain many lines.

A quote that is never closed pulls the following lines into its cell. If such a record is invalid, and lines
in it look like rows, only its first line is rejected and the others are read again.

Some programs put a backslash before a quote inside a cell, or do not escape the quote. Such a row is read as
it was meant if that gives each column one cell.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator

from r1v3.data.fields import Rejected

NO_ROW = "not a row of fields"
SEPARATORS = ",\t;|"
QUOTED = re.compile(r'"[^"]*"')
ESCAPED = re.compile(r'(?<!\\)((?:\\\\)*)\\"')
SAID = re.compile(r"sep=(.)\s*", re.IGNORECASE)  # a first line that spreadsheets write


def not_unicode(error: UnicodeDecodeError) -> Rejected:
    """Return the rejection of a line that cannot be decoded, with advice."""
    return Rejected("not valid Unicode", f"save the file as UTF-8: {error}"[:200])


class Lines:
    """Decoded lines with their numbers, which can be put back; `refused` collects unreadable lines."""

    def __init__(self, lines: Iterable[tuple[int, bytes | Rejected]]):
        self._lines = iter(lines)
        self._back: deque[tuple[int, str]] = deque()
        self.taken: list[tuple[int, str]] = []
        self.refused: list[tuple[int, Rejected]] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, text = self._back.popleft() if self._back else self._decoded()
        self.taken.append((number, text))
        return text

    def _decoded(self) -> tuple[int, str]:
        for number, line in self._lines:
            if isinstance(line, Rejected):
                self.refused.append((number, line))
                continue
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                self.refused.append((number, not_unicode(error)))
                continue
            return number, text.replace("\0", "\ufffd")
        raise StopIteration

    def give_back(self, lines: list[tuple[int, str]]) -> None:
        """Read these lines next."""
        self._back.extendleft(reversed(lines))


def read_separated(
    lines: Iterable[tuple[int, bytes | Rejected]], max_bytes: int, separator: str
) -> Iterator[tuple[int, dict | Rejected]]:
    """Yield the number of its last line and the content of each row. The first row names the columns.

    Args:
        max_bytes: largest size of a cell.
        separator: separator by the file's name. If the first line contains only another one, that is used.
    """
    csv.field_size_limit(max_bytes + 1)
    source = Lines(lines)
    separator, spaced = _told_by(source, separator)
    reader = csv.reader(source, delimiter=separator, skipinitialspace=spaced)
    names: list[str] | None = None
    while True:
        source.taken.clear()
        try:
            cells, problem = next(reader, None), None
        except csv.Error as error:
            cells, problem = [], str(error)[:200]
        if names is None and source.refused:
            number, refused = source.refused[0]
            yield (
                number,
                Rejected(refused.reason, f"the names of the columns: {refused.detail}"[:200]),
            )
            return
        yield from source.refused
        source.refused.clear()
        if cells is None:
            return
        if not cells and problem is None:
            continue
        if names is None:
            names = [name.strip() for name in cells]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                yield (
                    source.taken[-1][0],
                    Rejected(NO_ROW, f"two columns are called {twice[0]!r}"[:200]),
                )
                return
            continue
        taken = list(source.taken)
        if problem is None and len(cells) != len(names):
            problem = f"wrong number of cells: {len(cells)} for {len(names)} columns"
        if not spaced and (meant := _as_meant(taken, len(names), separator)):
            cells, problem = meant, None
        if _took_rows(taken, len(names), separator, problem is not None):
            source.give_back(taken[1:])
            yield taken[0][0], Rejected("quote is not closed")
        elif problem:
            yield taken[-1][0], Rejected(NO_ROW, problem)
        elif any("\ufffd" in cell for cell in cells):
            yield taken[-1][0], Rejected("null byte")
        else:
            row = dict(zip(names, cells, strict=True))
            yield taken[-1][0], {name: cell for name, cell in row.items() if cell != ""}


def _told_by(source: Lines, separator: str) -> tuple[str, bool]:
    """Return the separator, and whether a blank follows each one, as in `id, question, answer`.

    If the first line lacks the separator that the file's name gives, its most frequent other one is used.
    """
    first = next(source, None)
    if first is None or source.refused:
        source.give_back(source.taken)
        return separator, False
    if said := SAID.fullmatch(first):
        return said[1], False
    source.give_back(source.taken)
    counts = {each: first.count(each) for each in SEPARATORS}
    if not counts[separator] and any(counts.values()):
        separator = max(SEPARATORS, key=lambda each: counts[each])
    later = first.split(separator)[1:]
    return separator, bool(later) and all(name.startswith(" ") for name in later)


def _as_meant(taken: list[tuple[int, str]], width: int, separator: str) -> list[str] | None:
    r"""Return the cells of a record with quotes that are not those of CSV, if they have one reading.

    A quote may be written as `\"` in a quoted cell. Or quotes belong to the texts, as in `"a" and "b"`.
    """
    text = "".join(line for _, line in taken)
    if '"' not in text or _is_strict(taken, separator):
        return None
    doubled = ESCAPED.sub(r'\1""', text)
    if doubled != text and _is_strict([(0, doubled)], separator):
        cells = next(csv.reader([doubled], delimiter=separator))
        return cells if len(cells) == width else None
    plain = text.rstrip("\r\n").split(separator)
    if len(taken) > 1 or len(plain) != width or any(cell.count('"') % 2 for cell in plain):
        return None
    return [cell.strip()[1:-1] if QUOTED.fullmatch(cell.strip()) else cell for cell in plain]


def _took_rows(taken: list[tuple[int, str]], width: int, separator: str, wrong: bool) -> bool:
    """Return whether a record over several lines is an open quote that pulled rows into its cell.

    It must contain lines with as many cells as there are columns, and must itself be invalid: in its number
    of cells, or in its quotes. With tabs, which texts rarely contain, it is enough that its first line is
    also a whole row.
    """
    if len(taken) < 2 or width < 2:
        return False
    whole = [text.count(separator) == width - 1 for _, text in taken]
    if not any(whole[1:]):
        return False
    return wrong or (separator == "\t" and whole[0]) or not _is_strict(taken, separator)


def _is_strict(taken: list[tuple[int, str]], separator: str) -> bool:
    """Return whether each quote that opens a cell also closes it."""
    try:
        for _ in csv.reader((text for _, text in taken), delimiter=separator, strict=True):
            pass
    except csv.Error:
        return False
    return True
