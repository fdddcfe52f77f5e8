"""The names of a raw row's fields, its dates, and the refusal of a row; without heavy imports."""

import datetime
import re

NEEDED = (
    "id", "question", "answer", "answer_type", "domain", "difficulty", "language", "source",
    "licence", "split",
)  # fmt: skip
KNOWN = {*NEEDED, "options", "images", "response", "date", "edits", "meta"}
DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")


class Refused(ValueError):
    """A picture, or a sample, that cannot be taken; the message is the reason, `detail` says more."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


def is_date(text: str) -> bool:
    """Whether a text is a year, a month or a day as ISO 8601 writes them."""
    found = DATE.fullmatch(text)
    if not found:
        return False
    try:
        datetime.date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return False
    return True
