"""Values that a cell of text holds as some program wrote them: JSON, Python, or numpy's prints.

Two texts side by side, as numpy writes a list (`['a' 'b']`), are one text to Python; they are read as two.
"""

import ast
import json
import re
from typing import Any

_NAN = re.compile(r"(?<=[\[,(])\s*(?:nan|NaN)\s*(?=[,\])])")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LIST = re.compile(rf"\[\s*(?:{_QUOTED.pattern})(?:\s+(?:{_QUOTED.pattern}))+\s*\]")
_NUMBERS = re.compile(r"\[\s*-?\d[\d.e+-]*(?:\s+-?\d[\d.e+-]*)+\s*\]")
_ARRAY = re.compile(
    r"\A(?:(?:np|numpy)\.)?array\(\s*(\[.*\])\s*(?:,\s*dtype=[^()]*)?\)\Z", re.DOTALL
)
_SCALAR = re.compile(
    r"\b(?:np|numpy)\.(?:str_|int64|int32|float64|float32)\(((?:[^()\"']|'[^']*'|\"[^\"]*\")*)\)"
)
BEGINS = ("[", "(", "{", "b'", 'b"', "array(", "np.array(", "numpy.array(")


def read_literal(text: str) -> Any:
    """The value that a text holds; a `nan` in a list, as pandas writes an empty cell, is None.

    Raises:
        ValueError: it holds none.
    """
    text = text.strip()
    if array := _ARRAY.match(text):
        text = array[1]
    if _LIST.fullmatch(text):
        return [part[1:-1] for part in _QUOTED.findall(text)]
    if _NUMBERS.fullmatch(text):
        return text.strip("[]").split()
    for parse, written in (
        (ast.literal_eval, text),
        (json.loads, text),
        (ast.literal_eval, _NAN.sub("None", _SCALAR.sub(r"\1", text))),
    ):
        try:
            return parse(written)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
    raise ValueError(f"no value of JSON, Python or numpy: {text[:60]!r}")
