"""The gates of licence and date: a sample that may not be trained on, or is too new, is rejected."""

import re
from fnmatch import fnmatchcase

from r1v3.data.fields import Rejected
from r1v3.data.records import Record
from r1v3.recipe.schema.cleaning import Licences

NOT_STATED = "not stated"


def check_licence(record: Record, licences: Licences, training: str) -> None:
    """Refuse a sample whose licence forbids training.

    Args:
        licences: `forbidden` holds patterns of names, which fit in any case and with any separators.
        training: what the source's entry says: allowed, forbidden or not stated.

    Raises:
        Rejected: it is forbidden, or not stated where a stated one is needed.
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
    """Whether a licence's name fits a pattern: `*-ND-*` fits `CC BY-NC-ND 4.0` and `cc-by-nd`."""
    words, wanted = _words(name), _words(pattern)
    return fnmatchcase(words, wanted) or fnmatchcase(f"-{words}-", wanted)


def _words(text: str) -> str:
    """The name in lower case, with hyphens as separators, and `nd` for each spelling of No Derivatives."""
    text = re.sub(r"[\s\-_./,:()]+", "-", text.casefold().strip())
    return re.sub(r"no-?deriv(?:ative)?s?(?:-works?)?", "nd", text)


def check_date(record: Record, before: str | None, undated: str) -> None:
    """Refuse a sample that was not published before a date.

    A year or month alone counts as its end, so that "2023" passes a cut-off of 2024-01-01 and "2024" fails
    one of 2024-06-01.

    Args:
        before: the first day that is too late (ISO 8601), or None for no cut-off.
        undated: `keep` or `drop` samples without a date.

    Raises:
        Rejected: the date is too late, or there is none where one is needed.
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
