"""Reads the cells of a benchmark's file: lists in the notation of any program, letters, numbers of points."""

import math
import re
import unicodedata
from typing import Any

from r1v3.data.literals import BEGINS, read_literal
from r1v3.data.records import LETTERS
from r1v3.evaluate.items.rows import Row

NO_CELL = frozenset(
    ("None", "null", "NULL", "<NA>", "NaT", "#N/A")
)  # texts for empty cells, besides `nan`
TEXTS = (
    "text",
    "content",
    "value",
    "option",
    "answer",
)  # keys of the text in an option that is an object
JOINTS = frozenset(
    ("and", "both", "option", "options", "answer", "answers", "choice", "choices")
)  # words between letters

POINTS = re.compile(r"\s*(?:分|points?|pts?\.?|marks?)\Z", re.IGNORECASE)


def read_list(text: str) -> list[Any]:
    """Read a list in the notation of Python, JSON or numpy (`['a' 'b']`).

    Any other text is a list of one, and the empty text an empty list. A `nan` in it, which is pandas' empty
    cell, becomes None.
    """
    text = text.strip()
    if not text:
        return []
    if not text.startswith(BEGINS) or text[0] in "b{":
        return [text]
    try:
        found = read_literal(text)
    except ValueError:
        return [text]
    if not isinstance(found, list | tuple):
        return [text]
    return [None if one != one else one for one in found]


def read_texts(column: str, text: str) -> list[str]:
    """Read the texts of a column that has a list, a list in another, or an object by letters.

    Raises:
        ValueError: it begins like a list and is none.
    """
    text = text.strip()
    if text in NO_CELL:
        return []
    found = _by_letters(text) or read_list(text)
    if found == [text] and text.startswith("["):
        raise ValueError(f"{column} is not a list: {text[:60]!r}")
    if len(found) == 1 and isinstance(found[0], list | tuple):
        found = list(found[0])
    elif len(found) == 1 and str(found[0]).startswith("[") and text != found[0]:
        return read_texts(column, str(found[0]))
    return [_text(one) for one in found]


def _text(option: Any) -> str:
    """Return an option's text: `x`, `{"label": "A", "text": "x"}`, or `{"A": "x"}`."""
    if not isinstance(option, dict):
        return "" if option is None else str(option)
    named = [value for key, value in option.items() if str(key).casefold() in TEXTS]
    if named or len(option) == 1:
        return str((named or list(option.values()))[0])
    return str(option)


def read_kind(column: str, text: str, kinds: dict[str, str]) -> str:
    """Read the kind of a row, whatever the case of its name and what joins its words: `Multi-Choice`.

    Args:
        kinds: the kinds by name, in lower case without blanks, dashes and underscores.

    Raises:
        ValueError: there is no such kind.
    """
    kind = kinds.get(re.sub(r"[\s_-]+", "", text).casefold())
    if kind is None:
        *allowed, last = dict.fromkeys(kinds.values())
        raise ValueError(f"{column} must be {', '.join(allowed)} or {last}, not {text!r}")
    return kind


def _by_letters(text: str) -> list[Any]:
    """Return the values of `{"A": ..., "B": ...}` in the order of the letters; nothing for anything else."""
    if not text.startswith("{"):
        return []
    try:
        found = read_literal(text)
    except ValueError:
        return []
    if isinstance(found, dict) and set(found) == set(LETTERS[: len(found)]):
        return [found[letter] for letter in LETTERS[: len(found)]]
    return []


def letters_in(text: str) -> str:
    """Return the letters that an answer names, sorted: `A, C`, `ac`, `['A', 'C']`, `A和C`, `Both A and C`.

    Returns:
        An empty text if the answer has another word, or no letter.
    """
    words = re.findall(r"[A-Za-z]+", unicodedata.normalize("NFKC", text))
    named = [word.upper() for word in words if word.casefold() not in JOINTS]
    if not all(set(word) <= set(LETTERS) for word in named):
        return ""
    return "".join(sorted(set("".join(named))))


def read_number_of_points(row: Row) -> float:
    """Read the column `points`: `6`, `6.0`, `6分` or `6 points`.

    Raises:
        ValueError: it is no number above 0.
    """
    try:
        points = float(POINTS.sub("", row.get("points", "").strip()))
    except ValueError:
        points = 0.0
    if not 0 < points < math.inf:
        raise ValueError(f"points must be a number above 0, not {row.get('points', '')!r}")
    return points
