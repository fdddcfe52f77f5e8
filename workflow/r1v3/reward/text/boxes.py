r"""Finds `\boxed{...}` in one linear pass, at any nesting."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# Only the end of an answer is searched. The last box counts, and the limit bounds the time.
SEARCHED_TAIL = 50_000

_TOKEN = re.compile(r"\\+(?:boxed|fbox|framebox)\s*\{|\\[^a-zA-Z]|[{}]")
_BARE = re.compile(r"\\boxed\s*(?!\{)([0-9A-Za-z.+\-]{1,20})")
_OPENING = re.compile(r"\\+(?:boxed|fbox|framebox)\s*\{")


@dataclass(frozen=True)
class Box:
    """The content of a box, and the position of the whole box in the text."""

    content: str
    start: int
    end: int


@lru_cache(maxsize=8)
def find_boxes(text: str) -> tuple[Box, ...]:
    """Return the outermost closed boxes at the end of `text`, in order."""
    offset = max(0, len(text) - SEARCHED_TAIL)
    tail = text[offset:]
    if "boxed" not in tail and "fbox" not in tail and "framebox" not in tail:
        return ()
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
    return tuple(
        Box(b.content.strip(), b.start + offset, b.end + offset) for b in boxes if b.content.strip()
    )


def leaves_box_open(text: str) -> bool:
    """Return whether the last box of a text is not closed: the text was cut off, so it is no answer."""
    tail = text[-2_000:]
    return "box" in tail and bool(_OPENING.search(tail)) and not find_boxes(text)


def _closed_by_its_line(tail: str, opening: tuple[int, int, int]) -> list[Box]:
    r"""Read `$\boxed{28$`: the end of the formula replaces a forgotten brace."""
    _, start, inside = opening
    end = re.compile(r"\$|\n|\\\]|\\\)").search(tail, inside)
    if end is None or end.start() - inside > 200:
        return []
    # This dollar opens a formula inside the box.
    if end.group() == "$" and tail[:start].count("$") % 2 == 0:
        return []
    return [Box(tail[inside : end.start()], start, end.start())]


# Text that may stand between two boxes of one answer: a comma, an "and", a few plain words.
_TIE = re.compile(r"[,;、，；&]|\b(?:and|or)\b|和|或|与|及")
_NEGATION = re.compile(
    r"\b(?:no|not|wait|but|actually|instead|rather|correct\w*|mistake|wrong|sorry|hmm|again|check\w*)\b"
    r"|不|错|更正|而非|重新|检查",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.。!?！？]\s")
_MARKUP = re.compile(r"\\[a-zA-Z]+|[\s${}&]|\\[^a-zA-Z]")


def join_last_boxes(text: str, boxes: Sequence[Box]) -> str:
    r"""Return the last box, joined with earlier boxes that only an 'and' or a comma separates from it.

    `\boxed{2}, \boxed{3}` is one answer of two parts; `\boxed{2}. Wait, no: \boxed{3}` is not.
    """
    parts = [boxes[-1].content]
    for left, right in zip(reversed(boxes[:-1]), reversed(boxes[1:]), strict=True):
        if len(parts) > 30 or not _tied(text[left.end : right.start]):
            break
        parts.append(left.content)
    return ", ".join(reversed(parts))


def corrects(between: str) -> bool:
    """Return whether the text between two boxes retracts the first one."""
    return bool(_NEGATION.search(between[-2_000:]))


def _tied(between: str) -> bool:
    if len(between) > 60 or _STOP.search(between) or corrects(between):
        return False
    if not _MARKUP.sub("", between):
        return "\n" not in between
    if not _TIE.search(between):
        return False
    if _MARKUP.sub("", _TIE.sub("", between)) == "":
        return "\n\n" not in between or bool(re.search(r"and|or|和|或", between))
    return "\n" not in between and len(between.split()) <= 8 and len(between) <= 45
