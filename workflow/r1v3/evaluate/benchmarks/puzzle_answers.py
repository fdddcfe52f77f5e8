"""Reads answers to the puzzles of MME-Reasoning by rules, in the form that each function needs.

A reader takes the text of an answer and the puzzle's row. It returns the value for the function of
`puzzle_rules`, or None if the text has nothing of that form, so nothing is guessed. JSON is taken unchanged.
Otherwise readers accept what people write: `A: 5, B: 1`, `A, C`, `(A, 1)`, `4 + 3 = 7`, grid rows, bridges.
"""

import ast
import json
import re
from dataclasses import dataclass, field

from r1v3.evaluate.benchmarks.puzzle_formulas import as_formula, with_cards
from r1v3.evaluate.benchmarks.puzzle_layouts import read_bridges, read_grid

_TEX = (
    (re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname)\s*\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\(?:left|right|displaystyle|,|;|:|!|quad|qquad)(?![A-Za-z])"), " "),
    (re.compile(r"\\([{}_%#&])"), r"\1"),
    (re.compile(r"\\(?:rightarrow|to)(?![A-Za-z])"), "→"),
    (re.compile(r"[$`]|\*\*"), ""),
)
LONGEST = 200
_PARTS = re.compile(r"[,;，；、]|\band\b|和")
_WORD = re.compile(r"-?\d+(?:\.\d+)?(?![\w.]*\w)|[A-Za-z\u4e00-\u9fff]\w*")
_GAP = re.compile(r"[^\d=+。]{0,30}")
_EQUATION = re.compile(r"[\w\s+\-*/().]*[+\-*/][\w\s+\-*/().]*=[\w\s+\-*/().=]+")
_PLACE = re.compile(r"\(\s*[\"']?(\w+)[\"']?\s*[,，]\s*[\"']?(\w+)[\"']?\s*\)")
_NAMED_PLACE = re.compile(
    r"row\s*[:=]?\s*[\"']?(\w+)[\"']?\W+col(?:umn)?\s*[:=]?\s*[\"']?(\w+)", re.IGNORECASE
)
_SHORT_PLACE = re.compile(r"\b([A-Z])\s*[,，\-]?\s*(\d+)\b")


@dataclass(frozen=True)
class PuzzleRow:
    """What a row says about its puzzle: the names that need a value, the answer, and the layout."""

    keys: tuple[str, ...] = ()
    answer: object = None
    info: dict = field(default_factory=dict)


def without_markup(text: str) -> str:
    """Remove LaTeX and Markdown markup from a text."""
    for pattern, new in _TEX:
        text = pattern.sub(new, text)
    return text.strip()


def read_structure(text: str):
    """Return the last JSON object or list in a text that is not part of another, or None."""
    found, place = None, 0
    openings = [m.start() for m in re.finditer(r"[\[{]", text)][:400]
    for opening in openings:
        if opening < place:
            continue
        piece = _balanced(text, opening)
        value = _parsed(piece) if piece else None
        if piece and isinstance(value, dict | list):
            found, place = value, opening + len(piece)
    return found


def _parsed(piece: str):
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(piece)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    return None


def _balanced(text: str, start: int) -> str | None:
    """Return the piece from an opening bracket to its partner, or None."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "[{") - (text[place] in "]}")
        if depth == 0:
            return text[start : place + 1]
    return None


def read_pairs(text: str, puzzle: PuzzleRow) -> dict | None:
    """Read a value for every name, from JSON or from the last sequence of pairs that has all names.

    `A + B = 9` gives B no value. A name whose right value is a list or has spaces needs JSON.
    """
    value = read_structure(text)
    if isinstance(value, dict) and {str(key) for key in value} >= set(puzzle.keys):
        return {str(key): _number(one) for key, one in value.items()}
    right = puzzle.answer.values() if isinstance(puzzle.answer, dict) else ()
    if not puzzle.keys or any(isinstance(one, list) or " " in str(one).strip() for one in right):
        return None
    names = "|".join(re.escape(key) for key in sorted(puzzle.keys, key=len, reverse=True))
    pair = re.compile(
        rf"(?<![\w.])[\"']?({names})[\"']?\s*(?:[:=：→]|->|\bis\b|是|为)\s*[\"']?({_WORD.pattern})"
    )
    runs, end = [], None
    for match in pair.finditer(text):
        if re.search(r"[^\s,;，；|][ \t]*[+\-*/×=][ \t]*$", text[: match.start()][-20:]):
            continue
        apart = end is None or not _GAP.fullmatch(text, end, match.start())
        if apart or match[1] in runs[-1]:
            runs.append({})
        runs[-1][match[1]] = _number(match[2])
        end = match.end()
    return next((run for run in reversed(runs) if set(run) >= set(puzzle.keys)), None)


def _number(value):
    """Return `5` in a text as an integer, and anything else unchanged."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d+", value) else value


def read_ids(text: str, puzzle: PuzzleRow) -> list[str] | None:
    """Read the ids of an answer: letters and numbers that stand alone, else what commas separate."""
    value = read_structure(text)
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return [str(one).strip() for one in value]
    right = [str(one).strip() for many in _as_list(puzzle.answer) for one in _as_list(many)]
    if not text or len(text) > LONGEST:
        return None
    if text in right:
        return [text]
    for form in ("[A-Z]", r"-?\d+(?:\.\d+)?"):
        if all(re.fullmatch(form, one) for one in right):
            given = re.split(r"(?:[\s,;，；、&()\[\]{}。]|\.(?!\d))+|\band\b|和", text)
            return [one for one in given if re.fullmatch(form, one)] or None
    return [one for part in _PARTS.split(text) if (one := part.strip(" .。()[]{}"))] or None


def _as_list(value) -> list:
    return list(value) if isinstance(value, list | tuple | set) else [value]


def read_places(text: str, puzzle: PuzzleRow) -> list[dict] | None:
    """Read rows and columns: `(A, 1), (B, 3)`, `row A, column 1`, `A1`."""
    value = read_structure(text)
    value = [value] if isinstance(value, dict) else value
    if isinstance(value, list) and value:
        if all(isinstance(one, dict) and {"row", "column"} <= set(one) for one in value):
            return value
        if all(isinstance(one, list) and len(one) == 2 for one in value):
            return [{"row": row, "column": column} for row, column in value]
    for pattern in (_PLACE, _NAMED_PLACE, _SHORT_PLACE):
        if found := pattern.findall(text):
            return [{"row": row, "column": column} for row, column in found]
    return None


def read_equation(text: str, puzzle: PuzzleRow) -> dict | None:
    """Read the one equation that a text states, in signs that Python's grammar knows."""
    value = read_structure(text)
    if isinstance(value, dict) and isinstance(value.get("equation"), str):
        text = value["equation"]
    if len(text) > LONGEST:
        return None
    found = {match.group().strip() for match in _EQUATION.finditer(as_formula(text))}
    if len(found) != 1 or "".join(found).count("=") != 1:
        return None
    [equation] = found
    try:
        ast.parse(equation.split("=")[0].strip(), mode="eval")
    except SyntaxError:
        return None
    return {"equation": equation}


def read_formula(text: str, puzzle: PuzzleRow) -> str | None:
    """Read the formula of the game of 24: of an equation, the side that is not just a number."""
    sides = [side.strip() for side in with_cards(as_formula(text)).split("=")]
    side = next((side for side in sides if not re.fullmatch(r"\d*", side)), "")
    if len(side) > LONGEST or not re.fullmatch(r"[\s\d+\-*/().]*[+\-*/][\s\d+\-*/().]*", side):
        return None
    try:
        ast.parse(side, mode="eval")
    except SyntaxError:
        return None
    return side


def grid_of(text: str, puzzle: PuzzleRow) -> list[list[int]] | None:
    """Read a grid of the printed one's size."""
    size = len(puzzle.info["base_matrix"])
    value = read_structure(text)
    if value is not None and _is_grid(value, size):
        return [[int(cell) for cell in row] for row in value]
    return read_grid(text, size)


def _is_grid(value, size: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == size
        and all(isinstance(row, list) and len(row) == size for row in value)
        and all(re.fullmatch(r"\d+", str(cell)) for row in value for cell in row)
    )


def bridges_of(text: str, puzzle: PuzzleRow) -> list[dict] | None:
    """Read bridges as JSON or as words: `two bridges from a1 to c1; a1 - a3 (1)`."""
    value = read_structure(text)
    named = {"start", "end", "number"}
    whole = isinstance(value, list) and all(isinstance(one, dict) for one in value)
    if value and whole and all(named <= set(one) for one in value):
        return [{**one, "number": _number(one["number"])} for one in value]
    return read_bridges(text)
