"""Parses values in text cells that a program wrote: as JSON, as Python, or as numpy prints them.

numpy writes a list as texts side by side (`['a' 'b']`). Python reads these as one text, this module as two.
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
    """Parse the value of a text. A `nan` in a list, which pandas writes for an empty cell, becomes None.

    Raises:
        ValueError: the text contains no such value.
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
