r"""Extracts a gold from its published form: without a box, dollar signs, or `\text{}` around a letter."""

import re

from r1v3.reward.text.boxes import find_boxes

DOLLARS = re.compile(r"\A\$+([^$]*)\$+\Z")
WORDS = re.compile(r"\A\\(?:text|textbf|mathrm|mathbf|rm)\s*\{\s*\(?([A-J])\)?\.?\s*\}\Z")
LETTER = re.compile(r"\(?([A-J])\)?[.．。]?")
LETTERS = re.compile(r"([A-J])(?:[\s,，、;；]*([A-J])){1,9}")


def gold_of(text: str) -> str:
    """Return the content of a gold's only box, or the gold itself. Several boxes stay unchanged."""
    text = text.strip()
    boxes = find_boxes(text)
    if len(boxes) == 1:
        text = boxes[0].content
    if found := DOLLARS.match(text):
        text = found[1].strip()
    found = WORDS.match(text)
    return found[1] if found else text


def letter_of(gold: str) -> str | None:
    """Return the letter of a gold that is one letter, else None."""
    found = LETTER.fullmatch(gold)
    return found[1] if found else None


def letters_of_several(gold: str) -> str | None:
    """Return the letters that a gold lists in alphabetical order, as `ABD` or `A, B`; None for others."""
    if not LETTERS.fullmatch(gold):
        return None
    letters = re.sub(r"[^A-J]", "", gold)
    return letters if list(letters) == sorted(set(letters)) else None
