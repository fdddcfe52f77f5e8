"""Checks dates in tables and data sets."""

import datetime
import re

DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")


def is_date(text: str) -> bool:
    """Return whether a text is a year, a month or a day in ISO 8601."""
    found = DATE.fullmatch(text)
    if not found:
        return False
    try:
        datetime.date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return False
    return True
