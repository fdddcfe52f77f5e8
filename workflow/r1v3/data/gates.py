"""Checks of licence and date: a sample that may not be trained on, or is too new, is rejected."""

import re
from fnmatch import fnmatchcase

from r1v3.data.fields import Rejected
from r1v3.data.records import Record
from r1v3.recipe.schema.cleaning import Licences

NOT_STATED = "not stated"


def check_licence(record: Record, licences: Licences, training: str) -> None:
    """Reject a sample whose licence forbids training.

    Args:
        licences: `forbidden` contains patterns of names, which match in any case and with any separators.
        training: what the source's entry says about training: allowed, forbidden or not stated.

    Raises:
        Rejected: the licence forbids training, or is not stated although the recipe needs one.
    """
    name = record.licence
    if training == "forbidden":
        raise Rejected("licence forbids training", name)
    if any(_fits(name, pattern) for pattern in licences.forbidden):
        raise Rejected("licence forbids training", name)
    unknown = training == NOT_STATED or name.casefold() in (NOT_STATED, "unknown")
    if unknown and licences.not_stated == "drop":
        raise Rejected("licence is not stated", name)


def _fits(name: str, pattern: str) -> bool:
    """Return whether a licence's name matches a pattern: `*-ND-*` matches `CC BY-NC-ND 4.0`, `cc-by-nd`."""
    words, wanted = _words(name), _words(pattern)
    return fnmatchcase(words, wanted) or fnmatchcase(f"-{words}-", wanted)


def _words(text: str) -> str:
    """Return the name in lower case, with hyphens as separators, and `nd` for all forms of No Derivatives."""
    text = re.sub(r"[\s\-_./,:()]+", "-", text.casefold().strip())
    return re.sub(r"no-?deriv(?:ative)?s?(?:-works?)?", "nd", text)


def check_date(record: Record, before: str | None, undated: str) -> None:
    """Reject a sample that was not published before a date.

    A year or a month alone counts as its last day. So "2023" passes a cut-off of 2024-01-01, and "2024" fails
    one of 2024-06-01.

    Args:
        before: the first day that is too late (ISO 8601), or None for no cut-off.
        undated: whether samples without a date are kept (`keep`) or rejected (`drop`).

    Raises:
        Rejected: the date is too late, or is missing although it is needed.
    """
    if before is None:
        return
    if record.date is None:
        if undated == "drop":
            raise Rejected("no date", f"needed to be before {before}")
        return
    latest = record.date + {4: "-12-31", 7: "-31"}.get(len(record.date), "")
    if latest >= before:
        raise Rejected("too new", f"{record.date} is not before {before}")
