"""Rows of a JSON file that is one array or one object, found without holding the file.

A scanner looks at brackets and quotes alone, so the bounds of each row are known before it is parsed: a row
that is too long is skipped unread, and a row that is no JSON costs itself alone. Of an object the rows are
its values (of `{"v1_9": {...}}`, whose key is the id where there is none), the one list in it (`{"example":
[{...}]}`), those that its columns make (`{"id": [...], ...}`, or `{"id": {"0": ...}, ...}` as pandas writes a
table), or itself.
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
ReadRow = dict | Rejected


def read_value(file: BinaryIO, max_bytes: int) -> Iterator[tuple[int, ReadRow]]:
    """Number (from 1) and content of each row of a file that holds one JSON array or object.

    Args:
        max_bytes: of a row; longer ones are refused without being held.
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
    else:
        yield 1, Rejected("not valid JSON", "neither an array nor an object")
        return
    if scanner.wrong:
        yield number + 1, Rejected(DAMAGED, scanner.wrong)


def _members(scanner: "Scanner") -> Iterator[ReadRow]:
    """The rows of an object: its values, where all of them are objects; else those of the one list in it."""
    alone: dict[str, object] = {}
    table = False
    for part in scanner.parts():
        member = part if isinstance(part, Rejected) else _parsed(b"{" + part + b"}")
        if not isinstance(member, dict):
            yield member if isinstance(member, Rejected) else Rejected("not valid JSON")
            continue
        alone |= member
        objects = len(alone) > 1 and all(isinstance(each, dict) for each in alone.values())
        table = table or (objects and not _are_columns(alone))
        if table:
            yield from _table(alone)
            alone.clear()
    if table or not alone:
        return
    if _are_columns(alone):
        yield from _of_columns(alone)
        return
    if all(isinstance(each, dict) for each in alone.values()):
        yield from _table(alone)
        return
    lists = [
        value
        for value in alone.values()
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value)
    ]
    if len(lists) > 1:
        names = [name for name, value in alone.items() if any(value is each for each in lists)]
        yield Rejected(
            "not a row of fields", f"lists of rows as {', '.join(names)}: keep one"[:200]
        )
        return
    yield from lists[0] if lists else [alone]


def _are_columns(members: dict[str, object]) -> bool:
    """Whether members are the columns of a table: lists of one length, or objects by the same numbers."""
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
    """The rows of a table that was written by its columns."""
    cells = [
        {str(number): cell for number, cell in enumerate(column)}
        if isinstance(column, list)
        else column
        for column in columns.values()
    ]
    for key in cells[0]:  # type: ignore[union-attr]
        yield {name: column.get(key) for name, column in zip(columns, cells, strict=True)}  # type: ignore[union-attr]


def _table(members: dict[str, object]) -> Iterator[ReadRow]:
    """Rows by their ids."""
    for key, value in members.items():
        if not isinstance(value, dict):
            yield Rejected("not a row of fields", f"{key[:100]} is {type(value).__name__}")
        else:
            yield value if value.get("id") is not None else {**value, "id": key}


def _row(part: bytes | Rejected) -> ReadRow:
    if isinstance(part, Rejected):
        return part
    value = _parsed(part)
    return value if isinstance(value, dict | Rejected) else Rejected("not a row of fields")


def _parsed(text: bytes) -> object:
    try:
        return json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Rejected("not valid Unicode", str(error)[:200])
    except (ValueError, RecursionError) as error:
        return Rejected("not valid JSON", str(error)[:200])


class Scanner:
    """Cuts the outermost array or object of a file into its elements or members.

    Attributes:
        opens: the bracket that the file begins with.
        count: elements so far.
        wrong: what is wrong with the file as a whole, once all parts are read.
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
        """The bytes of each part, or that it is too long."""
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
                    rest = block[place:] + self.file.read(BLOCK)
                    self.wrong = "there is more behind its last bracket" if rest.strip() else ""
                    return
            size += len(block) - begin
            if size <= self.max_bytes:
                held.append(block[begin:])
            else:
                held.clear()
            self._block = self.file.read(BLOCK)
        yield from self._part(held, size)
        self.wrong = "it ends before its last bracket"

    def _part(self, held: list[bytes], size: int) -> Iterator[bytes | Rejected]:
        if size > self.max_bytes:
            self.count += 1
            yield Rejected("text is too long", f"a row of {size:,} bytes")
            return
        part = b"".join(held)
        if part.strip():
            self.count += 1
            yield part
