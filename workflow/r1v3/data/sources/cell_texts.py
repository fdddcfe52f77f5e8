"""A cell as text: numbers as people write them, dates as ISO 8601 does, one text of a list."""

import datetime
import math
from decimal import Decimal

from r1v3.data.fields import Rejected

WRONG = "wrong type of field"
EMPTY = ("nan", "NaN", "<NA>")  # what programs write for an empty cell of text


def is_null(value: object) -> bool:
    """Whether a value is empty: null, or the NaN that stands for it in tables of numbers."""
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))


def text_of_cell(name: str, value: object) -> object:
    """A cell as text: numbers as people write them, dates as ISO 8601 does, one text of a list.

    What has no such form is given back as it is, for the check of a record to refuse.
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
