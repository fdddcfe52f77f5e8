"""Converts cells to text: numbers in usual notation, dates in ISO 8601, lists of one text to that text."""

import datetime
import math
from decimal import Decimal

from r1v3.data.fields import Rejected

WRONG = "wrong type of field"
EMPTY = ("nan", "NaN", "<NA>")  # values that programs write for an empty text cell


def is_null(value: object) -> bool:
    """Return whether a value is empty: null, or the NaN that replaces it in tables of numbers."""
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))


def text_of_cell(name: str, value: object) -> object:
    """Convert a cell to text: numbers in usual notation, dates in ISO 8601, a list of one text to that text.

    A value without such a form is returned unchanged, so that the check of a record can reject it.
    """
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            raise Rejected("not valid Unicode", name) from None
    if isinstance(value, bool):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Rejected(WRONG, f"{name} is {value}")
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        try:
            return str(value)
        except ValueError:
            raise Rejected(
                "text is too long", f"{name} is a number of thousands of digits"
            ) from None
    return format(value, "f") if isinstance(value, Decimal) and value.is_finite() else value
