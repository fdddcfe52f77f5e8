"""Selects the rows of a source, assigns them to its parts, and maps their values.

`select`, `split` and `map` of an entry of `config/sources.yaml` name columns as published. Dots lead into
nested columns, also through a text that contains a JSON object.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import cache

from r1v3.data.fields import Rejected
from r1v3.data.literals import read_literal
from r1v3.recipe.tables.sources import (
    Condition,
    HashSplit,
    MappedField,
    Value,
    ValueMap,
)

NOT_SELECTED = "not selected"
MISSING = object()
LISTS = ("images", "options")  # fields that may be lists of several columns
SHOWN = 50  # number of a column's values that are listed; all others are counted together


class Chosen:
    """Applies an entry's `select`, `rename`, `map` and `split`, and counts unknown values.

    Attributes:
        unmatched: by field of the record, how often each value occurred that `map` does not list.
    """

    def __init__(
        self,
        select: Mapping[str, Value | list[Value] | Condition] | None,
        mapped: Mapping[MappedField, ValueMap] | None,
        split: HashSplit | None,
        rename: Mapping[str, str] | None = None,
    ):
        self.select = {column: _condition(asked) for column, asked in (select or {}).items()}
        self.mapped, self.split, self.rename = dict(mapped or {}), split, dict(rename or {})
        self.unmatched: dict[str, Counter[str]] = {field: Counter() for field in self.mapped}
        self.rows = 0
        self._seen: set[str] = set()
        self._columns: dict[str, None] = {}
        self._columns_asked = self._asked()

    def refuse(self, row: Mapping) -> None:
        """Reject a row that `select` does not choose.

        Raises:
            Rejected: the row is not chosen; the message names the column and its value.
        """
        self.rows += 1
        if self.rows <= SHOWN:
            self._columns.update(dict.fromkeys(map(str, row)))
        found = {column: at(row, column) for column in self._columns_asked}
        self._seen |= {column for column, value in found.items() if value is not MISSING}
        for column, condition in self.select.items():
            if not holds(condition, found[column]):
                raise Rejected(NOT_SELECTED, f"{column} is {cut_value(found[column])}")

    def part(self, row: Mapping, fields: Mapping) -> str | None:
        """Return the part of the source that a row's hash assigns it to; None if the entry has no `split`.

        Raises:
            Rejected: the row has no value to hash.
        """
        if self.split is None:
            return None
        by = self.split.by
        value = fields.get("id") if by == "id" else at(row, by)
        if value is None or value is MISSING:
            raise Rejected("no value to split by", by)
        digest = hashlib.sha256(f"{self.split.seed}\n".encode() + _bytes(value)).digest()
        place, reached = int.from_bytes(digest[:8], "big") / 2**64, 0.0
        for name, share in sorted(self.split.shares.items()):  # so that their order does not matter
            reached += share
            if place < reached:
                return name
        return max(self.split.shares)

    def fields(self, row: Mapping, fields: dict) -> dict:
        """Return the fields, with the values that `map` gives."""
        given = {}
        for field, rule in self.mapped.items():
            value = fields.get(field) if rule.column is None else at(row, rule.column)
            name = _looked_up(rule.values, value)
            if name is None:
                self.unmatched[field][cut_value(value)] += 1
                name = rule.otherwise
            if name is None and fields.get(field) is None and value not in (None, MISSING):
                name = cut_value(value)
            if name is not None:
                given[field] = name
        return fields | given

    def check(self, source: str) -> None:
        """Reject columns that no row has, because a misspelt column would select or change nothing.

        Raises:
            ValueError: a column is unknown; the message lists the existing columns.
        """
        unknown = sorted(set(self._columns_asked) - self._seen)
        if self.rows and unknown:
            raise ValueError(
                f"{source}: no row has the column {', '.join(unknown)}; "
                f"there are {', '.join(self._columns)}"
            )

    @property
    def facts(self) -> dict[str, dict[str, int]]:
        """Return the values that `map` does not list, by field: the most frequent, and a count of others."""
        found = {}
        for field, counter in self.unmatched.items():
            if counter:
                found[field] = dict(counter.most_common(SHOWN))
                rest = counter.total() - sum(found[field].values())
                found[field] |= {f"{len(counter) - SHOWN} other values": rest} if rest else {}
        return found

    def _asked(self) -> list[str]:
        columns = [*self.select, *(rule.column for rule in self.mapped.values() if rule.column)]
        if self.split is not None and self.split.by != "id":
            columns.append(self.split.by)
        return [*columns, *self.rename]


def renamed(row: Mapping, rename: Mapping[str, str]) -> dict:
    """Return a row with our column names. Dots in the old names lead into nested columns.

    A nested column is dropped after its values are read. Several columns may get one new name. They are
    sorted by their old names and the numbers in these. As `images` or `options` they form a list, in which an
    empty cell keeps its place. Under another name the first non-empty one counts. An existing column with the
    new name is dropped.
    """
    given: dict[str, list[object]] = {}
    taken: set[str] = set()
    for theirs, ours in sorted(rename.items(), key=lambda each: _by_numbers(each[0])):
        value = at(row, theirs)
        if value is not MISSING:
            taken.add(theirs if theirs in row else theirs.partition(".")[0])
            given.setdefault(ours, []).append(value)
        elif ours in LISTS:
            given.setdefault(ours, []).append(None)
    rest = {key: value for key, value in row.items() if key not in taken}
    for ours, values in given.items():
        filled = [value for value in values if not _is_empty(value)]
        if not filled and ours in LISTS and ours in rest:
            continue
        one = filled[0] if filled else values[0]
        rest[ours] = values if ours in LISTS and len(values) > 1 else one
    return rest


def _by_numbers(name: str) -> list[str | int]:
    """Return a sort key that puts `image_10` after `image_9`."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def at(row: object, column: str) -> object:
    """Return a column's value. A name with dots is a column's full name, else a path into nested columns."""
    if isinstance(row, str) and row.lstrip().startswith("{"):
        try:
            row = json.loads(row)
        except (ValueError, RecursionError):
            return MISSING
    if not isinstance(row, Mapping):
        return MISSING
    if column in row:
        return row[column]
    outer, dot, inner = column.partition(".")
    return at(row[outer], inner) if dot and outer in row else MISSING


def holds(condition: Condition, value: object) -> bool:
    """Return whether a value satisfies a condition."""
    if condition.empty is not None and condition.empty != _is_empty(value):
        return False
    values = [each for each in elements(value) if not _is_empty(each)]
    texts = [_compared(each) for each in values]
    if condition.one_of is not None and not any(_among(condition.one_of, text) for text in texts):
        return False
    if condition.none_of is not None and any(_among(condition.none_of, text) for text in texts):
        return False
    if condition.matches is not None and not any(
        re.search(condition.matches, text) for text in texts
    ):
        return False
    bounds = (condition.below, condition.above, condition.at_least, condition.at_most)
    return all(bound is None for bound in bounds) or _within(bounds, value)


def _within(bounds: tuple[float | None, ...], value: object) -> bool:
    below, above, at_least, at_most = bounds
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return (
        (below is None or number < below)
        and (above is None or number > above)
        and (at_least is None or number >= at_least)
        and (at_most is None or number <= at_most)
    )


def elements(value: object) -> list[object]:
    """Return the elements of a list, also of one written by JSON, Python or numpy; else the value alone."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = read_literal(value)
        except ValueError:
            return [value]
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return list(value)
    return [value]


def cut_value(value: object) -> str:
    """Return a value as listed: cut to 100 characters."""
    text = _compared(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _compared(value: object) -> str:
    """Return a value for comparison: whole numbers without a point, texts without surrounding blanks."""
    if value is MISSING or value is None:
        return "missing"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format(value, ".7g")
    return value.strip() if isinstance(value, str) else str(value)


def _condition(asked: Value | list[Value] | Condition) -> Condition:
    if isinstance(asked, Condition):
        return asked
    return Condition(one_of=asked if isinstance(asked, list) else [asked])


def _is_empty(value: object) -> bool:
    if value is MISSING or value is None:
        return True
    if isinstance(value, float):
        return value != value
    if isinstance(value, str):
        return value.strip() in ("", "[]", "null", "None")
    return isinstance(value, bytes | Mapping | list | tuple) and not value


def _among(wanted: Iterable[Value], text: str) -> bool:
    return any(_fits(_compared(each), text) for each in wanted)


def _looked_up(values: Mapping[str, str], value: object) -> str | None:
    """Return the first name of a value or of one of its elements; exact names come before those with `*`."""
    texts = [_compared(each) for each in elements(value) if not _is_empty(each)]
    for text in texts:
        if text in values:
            return values[text]
        for pattern, name in values.items():
            if _fits(pattern, text):
                return name
    return None


def _fits(pattern: str, text: str) -> bool:
    if "*" not in pattern:
        return pattern == text
    return _pattern(pattern).match(text) is not None


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(re.sub(r"([\[?])", r"[\1]", pattern)))


def _bytes(value: object) -> bytes:
    """Return a value as bytes; equal values give equal bytes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return json.dumps(value, sort_keys=True, ensure_ascii=True, default=_hashed).encode()


def _hashed(value: object) -> str:
    return hashlib.sha256(value if isinstance(value, bytes) else repr(value).encode()).hexdigest()
