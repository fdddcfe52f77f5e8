r"""Find `\boxed{...}` in one linear pass, whatever the nesting."""

import re
from dataclasses import dataclass

# Only the tail of an answer is searched: the last box wins, and a bound is a bound.
SEARCHED_TAIL = 50_000

_TOKEN = re.compile(r"\\+(?:boxed|fbox|framebox)\s*\{|\\[^a-zA-Z]|[{}]")
_BARE = re.compile(r"\\boxed\s*(?!\{)([0-9A-Za-z.+\-]{1,20})")
_OPENING = re.compile(r"\\+(?:boxed|fbox|framebox)\s*\{")


@dataclass(frozen=True)
class Box:
    """The content of one box and where the whole box lies in the text."""

    content: str
    start: int
    end: int


def find_boxes(text: str) -> list[Box]:
    """Return the outermost closed boxes of the tail of `text`, in order."""
    offset = max(0, len(text) - SEARCHED_TAIL)
    tail = text[offset:]
    if "boxed" not in tail and "fbox" not in tail and "framebox" not in tail:
        return []
    boxes: list[Box] = []
    opened: list[tuple[int, int, int]] = []  # depth, start of the box, start of its content
    depth = 0
    for token in _TOKEN.finditer(tail):
        symbol = token.group()
        if symbol == "{":
            depth += 1
        elif symbol == "}":
            depth = max(0, depth - 1)
            if opened and opened[-1][0] == depth:
                _, start, inside = opened.pop()
                while boxes and boxes[-1].start > start:
                    boxes.pop()
                boxes.append(Box(tail[inside : token.start()], start, token.end()))
        elif symbol.endswith("{") and len(symbol) > 2:
            opened.append((depth, token.start(), token.end()))
            depth += 1
    if not boxes:
        boxes = [Box(m.group(1), m.start(), m.end()) for m in _BARE.finditer(tail)]
    if not boxes and opened:
        boxes = _closed_by_its_line(tail, opened[-1])
    return [
        Box(b.content.strip(), b.start + offset, b.end + offset) for b in boxes if b.content.strip()
    ]


def _closed_by_its_line(tail: str, opening: tuple[int, int, int]) -> list[Box]:
    r"""Read `$\boxed{28$`: a forgotten brace that the formula's end stands in for."""
    _, start, inside = opening
    end = re.compile(r"\$|\n|\\\]|\\\)").search(tail, inside)
    if end is None or end.start() - inside > 200:
        return []
    return [Box(tail[inside : end.start()], start, end.start())]


_JOINT = re.compile(
    r"(?:[\s,;、，；。.$&]|\\[,;:! \]\[()]|\\q?quad\b|\\text\s*\{\s*(?:and|or|和|或|与|，|、)?\s*\}"
    r"|\b(?:and|or)\b|和|或|与|及)*"
)


def join_last_boxes(text: str, boxes: list[Box]) -> str:
    r"""Return the last box, with those before it that a mere 'and' or comma ties to it.

    `\boxed{2}, \boxed{3}` is one answer of two parts; `\boxed{2}. Wait, no: \boxed{3}` is not.
    """
    parts = [boxes[-1].content]
    for left, right in zip(reversed(boxes[:-1]), reversed(boxes[1:])):
        between = text[left.end : right.start]
        tied = len(between) <= 60 and _JOINT.fullmatch(between)
        if not tied or not re.search(r"[,;、，；和或与及]|and|or", between) or len(parts) > 30:
            break
        if "\n\n" in between and not re.search(r"and|or|和|或", between):
            break
        parts.append(left.content)
    return ", ".join(reversed(parts))
