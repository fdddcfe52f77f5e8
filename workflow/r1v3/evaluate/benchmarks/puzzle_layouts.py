"""Reads grids and bridges as people write them: rows of numbers, tables, matrices, sentences."""

import re

_NEW_ROW = re.compile(
    r"\\\\(?:\[[^\]]*\])?|\\begin\{[^{}]*\}(?:\{[^{}]*\})?|\\end\{[^{}]*\}|\\hline|\]\s*,?"
)
_LABEL = re.compile(
    r"^\W*(?:row|line|第)\s*\w+\s*行?\s*[:：]?|^\W*[A-Za-z]\s*[:|：]|^\s*\d+\s*[.):]\s",
    re.IGNORECASE,
)
_RULE = re.compile(r"[\s|+\-=:_]*")
_CELL = r"\(?(?<![A-Za-z0-9])([a-z]\d{1,2})(?![A-Za-z0-9])\)?"
_BRIDGE = re.compile(
    rf"{_CELL}\s*(-+>?|[–—→]|=+>?|to|and|with|connects?\s+(?:to|with)|[到与和至])\s*(?:island\s+)?{_CELL}",
    re.IGNORECASE,
)
_COUNT = r"(?:(one|single|1|a)|(two|double|2))"
_BEHIND = re.compile(
    rf"\s*(?:[:：,]|[x×*]|\(|\[|with|using|by|via)*\s*(?:an?\s+)?(?:[x×]\s*)?{_COUNT}(?!\w)"
    r"(?!\s*(?:bridges?\s+)?(?:from|between))",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    rf"\b{_COUNT}[\s-]*(?:bridges?)?[\s:]*(?:from|between|connecting|joining|for)?\s*$",
    re.IGNORECASE,
)


def read_grid(text: str, size: int) -> list[list[int]] | None:
    """Read the last `size` consecutive lines that have `size` whole numbers each, or None.

    Lines may have bars, brackets, commas, `&` and a label. A line without separators is read digit by digit.
    """
    rows: list[list[int]] = []
    found = None
    for line in _NEW_ROW.sub("\n", text).splitlines():
        if _RULE.fullmatch(line.strip()):
            continue
        cells = _cells(line, size)
        rows = [*rows, cells] if cells else []
        if len(rows) >= size:
            found = rows[-size:]
    return found


def _cells(line: str, size: int) -> list[int] | None:
    for text in (line, _LABEL.sub("", line, count=1)):
        parts = re.sub(r"[|,;，&\[\](){}\"'*]", " ", text).split()
        if len(parts) == 1 and len(parts[0]) == size > 1:
            parts = list(parts[0])
        if len(parts) == size and all(part.isdecimal() for part in parts):
            return [int(part) for part in parts]
    return None


def read_bridges(text: str) -> list[dict] | None:
    """Read the bridges in the last consecutive lines that name any; without a number a bridge is single.

    `a1 = c1` is a double bridge.
    """
    block: list[dict] = []
    last: list[dict] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        block = [*block, *found] if (found := _of_line(line)) else []
        last = block or last
    return last or None


def _of_line(line: str) -> list[dict]:
    matches = list(_BRIDGE.finditer(line))
    bridges, free = [], 0
    for place, match in enumerate(matches):
        stop = matches[place + 1].start() if place + 1 < len(matches) else len(line)
        said = _BEHIND.match(line, match.end(), stop)
        before = None if said else _BEFORE.search(line[free : match.start()])
        said = said or before
        number = 2 if (said and said[2]) or (not said and "=" in match[2]) else 1
        free = match.end() if said is None or said is before else said.end()
        bridges.append({"start": match[1].lower(), "end": match[3].lower(), "number": number})
    return bridges
