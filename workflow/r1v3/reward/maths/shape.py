r"""Parses the structure of an answer: several blanks, a set, an interval, a tuple, a relation, a ratio.

`shape_of` turns a normalised text into nested `Shape`s whose leaves are texts. It knows only brackets and
separators. Comparing code decides what the leaves mean.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from r1v3.reward.maths.english_numerals import english_in_digits

MAX_DEPTH = 8
MAX_ITEMS = 60

RELATIONS = {
    r"\le": "<=", r"\ge": ">=", "<=": "<=", ">=": ">=", "<": "<", ">": ">", r"\ne": "!=", "!=": "!=",
    r"\approx": "~", r"\in": "in", "=": "=", r"\notin": "notin", r"\equiv": "===", "==": "=",
}  # fmt: skip


NUMBERED = "(1)"  # `opening` of blanks that are numbered


@dataclass(frozen=True)
class Shape:
    """A node of an answer's structure: its kind and its parts.

    Kinds: leaf (text), list (items), either (items, joined by "or"), blanks (items, joined by ";"), set
    (items), bracket (items, opening, closing), union (items), relation (items = sides, operators), ratio
    (items), builder (items = one condition).
    """

    kind: str
    text: str
    items: tuple["Shape", ...] = ()
    opening: str = ""
    closing: str = ""
    operators: tuple[str, ...] = ()


_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d{2,}")
_CONNECTIVE = re.compile(r"\s*(?:(?<![a-zA-Z\\])(?:and|or)(?![a-z])|或者|以及|或|和|与|且|及)\s*")
_OR = re.compile(r"(?<![a-zA-Z\\])or(?![a-z])|或")
_OPENERS = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = {")", "]", "}"}


def _outside_brackets(text: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """Return all non-empty matches of a pattern that begin outside of brackets."""
    found, depth, at = [], 0, 0
    while at < len(text):
        char = text[at]
        if char in _OPENERS:
            depth += 1
        elif char in _CLOSERS:
            depth = max(0, depth - 1)
        elif depth == 0:
            match = pattern.match(text, at)
            if match and match.end() > at:
                found.append(match)
                at = match.end()
                continue
        at += 1
    return found


def _between(text: str, marks: list[re.Match[str]]) -> list[str]:
    """Return the pieces of a text between its marks, without the blanks around them."""
    starts, ends = [0, *(m.end() for m in marks)], [*(m.start() for m in marks), len(text)]
    return [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]


_SEMICOLON = re.compile(r"\s*(?:;|\\\\)\s*")
_COMMA = re.compile(r"\s*,\s*(?:(?:and|or)\s+)?")
_CUP = re.compile(r"\s*\\cup(?![a-zA-Z])\s*")
_COLON = re.compile(r"\s*:\s*")
_RELATION = re.compile(
    r"\s*(\\(?:le|ge|ne|approx|in|notin|equiv)(?![a-zA-Z])|<=|>=|(?<![\d)])!=|==|<|>|=)\s*"
)
_BRACKETED = re.compile(r"(?:\\\{|[(\[{])")


@lru_cache(maxsize=32_768)
def shape_of(text: str, depth: int = 0) -> Shape:
    """Return the structure of a normalised text."""
    text = english_in_digits(text.strip())
    if depth > MAX_DEPTH or not text or r"\begin" in text:
        return Shape("leaf", text)
    if numbered := enumerated(text):
        return _node("blanks", text, numbered, depth, opening=NUMBERED)
    blanks = _parts(text, _SEMICOLON)
    if blanks:
        return _node("blanks", text, blanks, depth)
    if not _THOUSANDS.fullmatch(text):
        joined = _parts(text, _CONNECTIVE) if _CONNECTIVE.search(text) else None
        if joined:
            items = [piece for part in joined for piece in (_parts(part, _COMMA) or [part])]
            kind = "either" if _OR.search(text) else "list"
            return _node(kind, text, items, depth)
        listed = _parts(text, _COMMA)
        if listed:
            return _node("list", text, listed, depth)
    if r"\cup" in text:
        pieces = _parts(text, _CUP)
        if pieces:
            head, value = _membership(pieces[0])
            return (
                _node("union", text, [value, *pieces[1:]], depth)
                if head
                else _node("union", text, pieces, depth)
            )
    relation = _relation(text, depth)
    if relation:
        return relation
    enclosed = _enclosed(text, depth)
    if enclosed:
        return enclosed
    if measure := _MEASURE.fullmatch(text):
        return _node("relation", text, list(measure.groups()), depth, operators=("=",))
    if ":" in text or " to " in text or "比" in text:
        terms = _parts(text, _COLON)
        if terms and len(terms) == 2 and _PART_NAME.fullmatch(terms[0]):
            return _node("relation", text, terms, depth, operators=("=",))
        if not terms and _RATIO_WORDS.fullmatch(text):
            terms = re.split(r"\s+to\s+|\s*比\s*", text)
        if terms:
            return _node("ratio", text, terms, depth)
    return Shape("leaf", text)


# The name of a part of an answer: `Minimum`, `A`, `第一空`.
_PART_NAME = re.compile(
    r"[A-Za-z][A-Za-z ]{0,30}|(?i:part|blank|question) ?[1-6]"
    r"|第[一二三四五六1-6][空问个]{0,2}|[\u4e00-\u9fff]{1,8}"
)
# A measure of a figure after its name: `长3`, `width 4`.
_MEASURE = re.compile(
    r"(长|宽|高|底|半径|直径|边长|周长|面积|体积|最[大小]值?|min|max|length|width|height|radius|diameter|base|perimeter|area)\s*[为是]?\s*"
    r"(\d[\d.]*|\\(?:frac|sqrt).*)"
)
_RATIO_WORDS = re.compile(r"[\d.]+(?:(?:\s+to\s+|\s*比\s*)[\d.]+)+")
_ENUMERATOR = re.compile(
    r"\s*[,;]?\s*(?:\((?P<digit>\d)\)|(?P<circled>[①-⑨])|(?:第(?P<blank>[一二三四五六1-6])|空(?P<place>\d))[空问]?填?为?|\((?P<letter>[a-f])\)"
    r"|\((?P<roman>(?i:i{1,3}|iv|v|vi))\))\s*[:.,]?\s*"
)
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi")
_HALF_OPEN = re.compile(r"(?:\A|(?<=[\s,;]))([1-6a-fA-F]|(?i:i{1,3}|iv|vi?))\)")


_ROWS = ("123456789", "①②③④⑤⑥⑦⑧⑨", "一二三四五六", "abcdef", _ROMAN)
_PLACES = {mark: place for row in _ROWS for place, mark in enumerate(row, start=1)}


def _place_of(mark: re.Match[str]) -> int:
    """Return the number of an enumerator: 2 for `(2)`, `②`, `(b)` and `(ii)`; 0 if it is no enumerator."""
    said = next(group for group in mark.groups() if group)
    return _PLACES.get(said.casefold(), 0)


def enumerated(text: str) -> list[str] | None:
    """Split `(1) 5; (2) 6`, `①5 ②6`, `(a) 5, (b) 6` or `第一空5，第二空6` into its answers; else None."""
    if text[0] not in "(①第空":
        return None
    marks = []
    for mark in _ENUMERATOR.finditer(text):
        kind = marks[0].lastgroup if marks else mark.lastgroup
        if _place_of(mark) == len(marks) + 1 and mark.lastgroup == kind:
            marks.append(mark)
    if len(marks) < 2 or marks[0].start() > 0:
        return None
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    parts = [text[m.end() : end].strip(" ,;") for m, end in zip(marks, ends, strict=True)]
    return parts if all(parts) else None


def with_whole_marks(text: str) -> str:
    """Write `a) 7; b) 8` as `(a) 7; (b) 8`; return other texts unchanged."""
    marks = [mark[1].lower() for mark in _HALF_OPEN.finditer(text)]
    if len(marks) < 2 or not _HALF_OPEN.match(text):
        return text
    if any(marks == list(order[: len(marks)]) for order in ("123456", "abcdef", _ROMAN)):
        return _HALF_OPEN.sub(lambda mark: f"({mark[1].lower()})", text)
    return text


def _membership(piece: str) -> tuple[str, str]:
    head, found, value = piece.partition(r"\in ")
    return (head, value.strip()) if found else ("", piece)


def _parts(text: str, pattern: re.Pattern[str]) -> list[str] | None:
    parts = [part for part in _between(text, _outside_brackets(text, pattern)) if part]
    return parts if 2 <= len(parts) <= MAX_ITEMS else None


def _node(kind: str, text: str, parts: list[str], depth: int, **more: Any) -> Shape:
    return Shape(kind, text, tuple(shape_of(part, depth + 1) for part in parts), **more)


def _relation(text: str, depth: int) -> Shape | None:
    marks = _outside_brackets(text, _RELATION)
    operators = [RELATIONS[mark.group(1)] for mark in marks]
    if not operators or len(operators) > 12:
        return None
    sides = _between(text, marks)
    if not sides[0] and len(sides) == 2 and operators[0] in ("=", "~"):
        return shape_of(sides[1], depth + 1)
    return _node("relation", text, sides, depth, operators=tuple(operators))


def _enclosed(text: str, depth: int) -> Shape | None:
    if text.startswith(r"\{") and text.endswith(r"\}") and text.count(r"\{") == 1:
        return _set(text, text[2:-2].strip(), depth)
    if text[0] not in "([" or text[-1] not in ")]":
        return None
    inside = text[1:-1]
    level = 0
    for char in inside:  # the last bracket must close the first one
        level += (char in _OPENERS) - (char in _CLOSERS)
        if level < 0:
            return None
    items = _parts(inside, re.compile(r"\s*[,;]\s*"))
    if not items:
        return None
    return _node("bracket", text, items, depth, opening=text[0], closing=text[-1])


def _set(text: str, inside: str, depth: int) -> Shape:
    for bar in ("|", ":"):
        head, found, condition = inside.partition(bar)
        if found and re.fullmatch(
            r"\(?(?:[a-zA-Z,\s]{1,5}|\\[a-z]+\s*)\)?(?:\s*\\in\s*[A-Z])?\s*", head
        ):
            return _node("builder", text, [_with_usual_names(head, condition)], depth)
    head, _, condition = inside.partition("|")
    if _RUNS_OVER.fullmatch(condition.strip()) and "," not in head:  # {3k | k in Z}
        return _set(text, f"x|x={head},{condition}", depth)
    items = _parts(inside, re.compile(r"\s*[,;]\s*")) or ([inside] if inside else [])
    return _node("set", text, items, depth)


_RUNS_OVER = re.compile(r"(?<![A-Za-z\\])([a-z])\s*\\in\s*(?:Z|N)")


def _with_usual_names(head: str, condition: str) -> str:
    """Return a set-builder's condition with x for its element and k for the number from Z or N."""
    element = re.match(r"\(?\s*(\\?[a-z]+)\s*(?:\\in\s*[A-Z]\s*)?$", head)
    runner = _RUNS_OVER.search(condition)
    for old, new in ((element and element.group(1), "x"), (runner and runner.group(1), "k")):
        if old and old != new and not re.search(rf"(?<![A-Za-z\\]){new}(?![A-Za-z])", condition):
            condition = re.sub(rf"(?<![A-Za-z\\]){re.escape(old)}(?![A-Za-z])", new, condition)
    return condition


def readings(text: str) -> list[str]:
    """Return the ways to read the commas of a text, the most likely first.

    `1,234` is first a number, then a list of two. `2,74` is first a list, then a decimal number.
    """
    found = []
    joined = _THOUSANDS.sub(lambda match: match.group().replace(",", ""), text)
    if joined != text:
        found.append(joined)
    spaced = re.sub(r"(?<=\d) (?=\d{3}(?!\d))", "", text) if _SPACED.fullmatch(text) else text
    if spaced != text:
        found.append(spaced)
    found.append(text)
    if _DECIMAL_COMMA.fullmatch(text) and (joined == text or text.lstrip("+-")[0] == "0"):
        found.append(text.replace(",", "."))
    return found


_SPACED = re.compile(r"[+-]?\d{1,3}(?: \d{3})+(?:\.\d+)?")
