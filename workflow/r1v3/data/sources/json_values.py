"""Reads the rows of a JSON file that is one array or object, without loading the whole file.

A scanner looks only at brackets and quotes, so the bounds of each row are known before it is parsed. A row
that is too long is skipped unread, and invalid JSON loses only its own row. The rows of an object are one of
these:

- its values, as in `{"v1_9": {...}}`; the key is the id of a row without one;
- the only list in it, as in `{"example": [{...}]}`, also one level deeper;
- the rows of its columns, as in `{"id": [...], ...}`, or `{"id": {"0": ...}, ...}` as pandas writes a table;
- the object itself.

Objects may also follow one another, each over several lines.
"""

import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from r1v3.data.fields import Rejected

BLOCK = 1 << 20
OUTSIDE = re.compile(rb'["\[\]{},]')
INSIDE = re.compile(rb'["\\]')
DAMAGED = "file is damaged"
CUT = "it ends before its last bracket"
BETWEEN = b" \t\r\n,"  # characters that may stand between objects
ReadRow = dict | Rejected


def read_value(file: BinaryIO, max_bytes: int) -> Iterator[tuple[int, ReadRow]]:
    """Yield number (from 1) and content of each row of a file that contains one JSON array or object.

    Args:
        max_bytes: largest size of a row; longer rows are rejected without being kept in memory.
    """
    scanner = Scanner(file, max_bytes)
    if scanner.opens == b"[":
        for number, part in enumerate(scanner.parts(), 1):
            yield number, _row(part)
        number = scanner.count
    elif scanner.opens == b"{":
        number = 0
        for row in _members(scanner):
            number += 1
            yield number, row
        for row in map(_row, scanner.following()):
            number += 1
            yield number, row
    else:
        yield 1, Rejected("not valid JSON", "neither an array nor an object")
        return
    if scanner.wrong:
        yield number + 1, Rejected(DAMAGED, scanner.wrong)


def _members(scanner: "Scanner") -> Iterator[ReadRow]:
    """Yield the rows of an object: its values if all are objects, else those of its only list."""
    alone: dict[str, object] = {}
    table = False
    for part in scanner.parts():
        member = part if isinstance(part, Rejected) else _parsed(b"{" + part + b"}")
        if not isinstance(member, dict):
            yield member if isinstance(member, Rejected) else Rejected("not valid JSON")
            continue
        alone |= member
        objects = len(alone) > 1 and all(isinstance(each, dict) for each in alone.values())
        table = table or (objects and not _are_columns(alone) and not _lists_within(alone))
        if table:
            yield from _table(alone)
            alone.clear()
    if table or not alone:
        return
    if scanner.opens == b"{" and scanner.goes_on:
        yield alone
        return
    if _are_columns(alone):
        yield from _of_columns(alone)
        return
    if within := _lists_within(alone):
        alone = within
    elif all(isinstance(each, dict) for each in alone.values()):
        yield from _table(alone)
        return
    lists = {name: value for name, value in alone.items() if _is_list_of_rows(value)}
    if len(lists) > 1:
        yield Rejected(
            "not a row of fields", f"lists of rows as {', '.join(lists)}: keep one"[:200]
        )
    else:
        yield from next(iter(lists.values())) if lists else [alone]  # type: ignore[misc]


def _is_list_of_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _lists_within(members: dict[str, object]) -> dict[str, object]:
    """Return what is one level deeper, as in `{"info": {...}, "data": {"questions": [{...}]}}`; else nothing.

    A row may also contain a list of objects, such as its options, but it contains texts too.
    """
    found = [
        each
        for each in members.values()
        if isinstance(each, dict)
        and any(map(_is_list_of_rows, each.values()))
        and not any(isinstance(value, str) for value in each.values())
    ]
    others = all(isinstance(each, dict) for each in members.values())
    return found[0] if len(found) == 1 and others else {}


def _are_columns(members: dict[str, object]) -> bool:
    """Return whether members are a table's columns: lists of one length, or objects with the same numbers."""
    columns = list(members.values())
    if len(columns) < 2:
        return False
    if all(isinstance(each, dict) for each in columns):
        keys = [list(each) for each in columns]  # type: ignore[arg-type]
        return bool(keys[0]) and keys[0] == keys[1] and all(key.isdecimal() for key in keys[0])
    if not all(isinstance(each, list) for each in columns):
        return False
    return len({len(each) for each in columns}) == 1 and any(  # type: ignore[arg-type]
        not isinstance(cell, dict)
        for each in columns
        for cell in each  # type: ignore[union-attr]
    )


def _of_columns(columns: dict[str, object]) -> Iterator[ReadRow]:
    """Yield the rows of a table that was written column by column."""
    cells = [
        {str(number): cell for number, cell in enumerate(column)}
        if isinstance(column, list)
        else column
        for column in columns.values()
    ]
    for key in cells[0]:  # type: ignore[union-attr]
        yield {name: column.get(key) for name, column in zip(columns, cells, strict=True)}  # type: ignore[union-attr]


def _table(members: dict[str, object]) -> Iterator[ReadRow]:
    """Yield rows with their keys as ids."""
    for key, value in members.items():
        if not isinstance(value, dict):
            yield Rejected("not a row of fields", f"{key[:100]} is {type(value).__name__}")
        else:
            yield value if value.get("id") is not None else {**value, "id": key}


def _row(part: bytes | Rejected) -> ReadRow:
    if isinstance(part, Rejected):
        return part
    value = _parsed(part)
    if isinstance(value, dict | Rejected):
        return value
    return Rejected("not a row of fields", f"type {type(value).__name__}")


def _parsed(text: bytes) -> object:
    try:
        return json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Rejected("not valid Unicode", str(error)[:200])
    except (ValueError, RecursionError) as error:
        return Rejected("not valid JSON", str(error)[:200])


class Scanner:
    """Splits the outermost array or object of a file into its elements or members.

    Attributes:
        opens: first bracket of the file.
        count: number of elements so far.
        wrong: description of an error of the whole file, once all parts are read; else empty.
    """

    def __init__(self, file: BinaryIO, max_bytes: int):
        self.file, self.max_bytes, self.count, self.wrong = file, max_bytes, 0, ""
        self._block = b""
        while not (begin := self._block.removeprefix(b"\xef\xbb\xbf").lstrip()):
            self._block = file.read(BLOCK)
            if not self._block:
                break
        self._block, self.opens = begin[1:] or file.read(BLOCK), begin[:1]

    def parts(self) -> Iterator[bytes | Rejected]:
        """Yield the bytes of each part, or its rejection if it is too long."""
        depth, quoted, skip = 1, False, False
        held, size = [], 0
        while self._block:
            block, place, begin = self._block, 0, 0
            if skip:
                place, skip = 1, False
            while match := (INSIDE if quoted else OUTSIDE).search(block, place):
                place, token = match.end(), match[0]
                if token == b"\\":
                    skip = place == len(block)
                    place += 1
                elif token == b'"':
                    quoted = not quoted
                elif token in b"[{":
                    depth += 1
                elif token in b"]}":
                    depth -= 1
                if depth == 0 or (depth == 1 and token == b","):
                    size += match.start() - begin
                    held.append(block[begin : match.start()])
                    yield from self._part(held, size)
                    held, size, begin = [], 0, match.end()
                if depth == 0:
                    self._block = block[place:] + self.file.read(BLOCK)
                    more = bool(self._block.strip())
                    self.wrong = "there is more behind its last bracket" if more else ""
                    return
            size += len(block) - begin
            if size <= self.max_bytes:
                held.append(block[begin:])
            else:
                held.clear()
            self._block = self.file.read(BLOCK)
        yield from self._part(held, size)
        self.wrong = CUT

    @property
    def goes_on(self) -> bool:
        """Return whether another object follows."""
        while not (rest := self._block.lstrip(BETWEEN)):
            self._block = self.file.read(BLOCK)
            if not self._block:
                return False
        self._block = rest
        return rest.startswith(b"{")

    def following(self) -> Iterator[bytes | Rejected]:
        """Yield the objects after the first one, each as a whole."""
        while self.goes_on:
            self._block = self._block[1:] or self.file.read(BLOCK)
            parts = list(self.parts())
            long = next((part for part in parts if isinstance(part, Rejected)), None)
            whole = b"{" + b",".join(part for part in parts if isinstance(part, bytes)) + b"}"
            if long is None and len(whole) > self.max_bytes:
                long = Rejected("text is too long", f"a row of {len(whole):,} bytes")
            if self.wrong and not self.goes_on:
                self.wrong = self.wrong if self._block or self.wrong == CUT else ""
            yield long or whole

    def _part(self, held: list[bytes], size: int) -> Iterator[bytes | Rejected]:
        if size > self.max_bytes:
            self.count += 1
            yield Rejected("text is too long", f"a row of {size:,} bytes")
            return
        part = b"".join(held)
        if part.strip():
            self.count += 1
            yield part
