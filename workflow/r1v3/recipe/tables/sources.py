"""Defines the source table: one entry for each source in `config/sources.yaml`.

An entry says where the files are, how their rows become records, under which licence they may be used,
which data set the source replaces, and how it differs from that. The name of a data set's folder has a hash
of what decides its records (`Decides`). Titles, citations and notes may be edited without renaming it.
"""

import math
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from r1v3.recipe.schema.section import Section
from r1v3.recipe.tables.dates import is_date

# The names of the functions of `r1v3.data.sources.mappings`, which this floor may not import.
MAPPINGS = (
    "records",
    "mmk12",
    "virl39k",
    "scienceqa",
    "geometry3k",
    "bmmr",
    "cmm_math",
    "k12_vista",
    "m3cot",
    "mmr1_math",
    "pmc_vqa",
    "puzzle_vqa",
    "we_math_pro",
    "usual_names",
    "conversations",
)
# Keys that were added later. An entry without them keeps its earlier hash.
LATER = ("select", "map", "split", "limit")
MappedField = Literal["domain", "difficulty", "language", "answer_type", "date"]

Places = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class Hub(Section):
    """Files of a Hugging Face data set at a revision.

    In `files`, `*` matches anything. Each file's sha256 is compared with the one that the hub states.
    """

    kind: Literal["hub"]
    """Files of a hub's data set."""
    id: str
    """Its id."""
    revision: str
    """Commit, tag or branch."""
    files: Places
    """Names of the files; * matches anything."""


class Files(Section):
    """Files at URLs or paths. A folder means all files in it; `sha256` has checksums by file name."""

    kind: Literal["files"]
    """Files at URLs or paths."""
    places: Places
    """URLs, files or folders."""
    sha256: dict[str, str] = {}
    """Checksums by file name."""


class SourceLicence(Section):
    """The licence of a source, and whether it allows training."""

    name: str | None
    """The licence as the card or repository states it; null: none was found."""
    training: Literal["allowed", "forbidden", "not stated"]
    """Whether the licence allows training."""
    note: str | None = None
    """What a reader must know."""


Value = str | bool | int | float


class Condition(Section):
    """The condition that a row's value must meet for the row to be taken; every given key must hold.

    In `one_of` and `none_of`, `*` matches anything. If the value is a list, one element is enough for
    `one_of`, and no element may be in `none_of`. A missing value counts as empty, and meets no other
    condition than `none_of`.
    """

    one_of: list[Value] | None = None
    """The value, or an element of it, is one of these; * matches anything."""
    none_of: list[Value] | None = None
    """Neither the value nor an element of it is one of these."""
    below: float | None = None
    """The number is smaller."""
    above: float | None = None
    """The number is larger."""
    at_least: float | None = None
    """The number is this or larger."""
    at_most: float | None = None
    """The number is this or smaller."""
    matches: str | None = None
    """A regular expression that is found in the text."""
    empty: bool | None = None
    """Whether the value is missing, null, blank or an empty list."""

    @field_validator("matches")
    @classmethod
    def _compiles(cls, matches: str | None) -> str | None:
        try:
            re.compile(matches or "")
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return matches

    @model_validator(mode="after")
    def _asks_something(self):
        if not self.model_fields_set:
            raise ValueError(f"one of {', '.join(type(self).model_fields)} is needed")
        return self


class ValueMap(Section):
    """How values of a column become a field of the record; values that are not listed are counted and shown.

    In a key of `values`, `*` matches anything. If the value is a list, its first listed element decides.
    """

    column: str | None = None
    """The published column, with dots into nested columns; null: the field after the mapping."""
    values: dict[str, str]
    """The field's value for each value of the column; * matches anything."""
    otherwise: str | None = None
    """The field's value if the column's value is not listed; null: the result of the mapping."""


class HashSplit(Section):
    """Parts of a source that has no published splits; a hash of a column decides each row's part.

    Rows of equal values get the same part, so a column of passages or pictures keeps each of these in one
    part.
    """

    by: str = "id"
    """The published column that is hashed, with dots into nested columns; id: the record's id."""
    seed: Annotated[int, Field(strict=True)] = 0
    """The seed of the hash; another seed gives other parts."""
    shares: dict[str, Annotated[float, Field(gt=0, le=1)]]
    """The share of each part; shares add up to 1, and a data set's `split` names a part."""

    @field_validator("shares")
    @classmethod
    def _whole(cls, shares: dict[str, float]) -> dict[str, float]:
        if not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
            raise ValueError(f"shares add up to {sum(shares.values()):g}, not to 1")
        return shares


class Decides(Section):
    """The part of an entry that decides which records a source gives.

    `pictures` is the folder or zip file, among the files, that contains the pictures. `mapping` is a function
    of `r1v3.data.sources.mappings`. `constants` are fields that all rows share. `rename` gives our names for
    their fields. Both are applied before the mapping.
    """

    where: Annotated[Hub | Files, Field(discriminator="kind")]
    """Where the files are; a path, a URL or a list of them is enough."""
    pictures: str | None = None
    """The folder or zip file that contains the pictures."""
    mapping: str = "records"
    """The function of r1v3.data.sources.mappings that reads a row; records: columns are a record's fields."""
    constants: dict[str, str] = {}
    """Fields that all rows share."""
    rename: dict[str, str] = {}
    """Our names for their fields, with dots into nested fields; several may be called images."""
    licence: SourceLicence = SourceLicence(name=None, training="not stated")
    """Its licence."""
    date: str | None = None
    """When it was published: a year, month or day."""
    select: dict[str, Value | list[Value] | Condition] | None = None
    """The rows that are taken, by published column, with dots into nested columns; null: all."""
    map: dict[MappedField, ValueMap] | None = None
    """Fields of the record that values of a column decide; null: the results of the mapping."""
    split: HashSplit | None = None
    """Parts of the source by a hash; null: rows name their own split, or are all taken."""
    limit: Annotated[int, Field(gt=0, strict=True)] | None = None
    """Most records of this source, in the order of its files, duplicates included; null: all."""

    @field_validator("where", mode="before")
    @classmethod
    def _places(cls, where: object) -> object:
        """Read one place, or a list of places, as files at these places."""
        places = [where] if isinstance(where, str) else where
        return {"kind": "files", "places": places} if isinstance(places, list) else where

    @field_validator("date")
    @classmethod
    def _iso(cls, date: str | None) -> str | None:
        if date is not None and not is_date(date):
            raise ValueError("a year, month or day as ISO 8601 writes it, in quotes")
        return date


class SourceEntry(Decides):
    """A complete entry of the source table."""

    title: str
    """Its name."""
    citation: str = "none"
    """What to cite."""
    stands_in_for: str = "nothing that the report describes"
    """The report's data set that it replaces."""
    differs: str = "It is your own."
    """How it differs from that data set."""

    def hashed(self) -> dict[str, object]:
        """Return the part that a data set's hash covers: with defaults, but without unset later keys."""
        part = self.model_dump(include=set(Decides.model_fields) - set(LATER))
        for name in LATER:
            if getattr(self, name) is not None:
                part[name] = self.model_dump(include={name}, exclude_unset=True)[name]
        return part


def suffixes(path: Path) -> str:
    """Return a file's suffix in lower case, without `.gz`: `.jsonl` for `x.JSONL` and for `x.jsonl.gz`."""
    last = path.suffix.lower()
    return path.suffixes[-2].lower() if last == ".gz" and len(path.suffixes) > 1 else last
