"""The source table: one entry a source in `config/sources.yaml`, read and checked.

An entry says where the files are, how their rows become records, under which licence they may be used,
what the source stands in for and how it differs. A data set's folder is named by a hash of what decides
its records (`Decides`); titles, citations and notes may be edited without renaming it.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from r1v3.recipe.tables.dates import is_date

# The functions of `r1v3.data.sources.mappings`, which this floor may not import.
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
)


class SourcePart(BaseModel):
    """A level of the table; its keys are closed."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Hub(SourcePart):
    """Files of a Hugging Face data set at a revision.

    `files` may hold `*`. Each file's sha256 is compared with the one that the hub states.
    """

    kind: Literal["hub"]
    """Files of a hub's data set."""
    id: str
    """Its id."""
    revision: str
    """Commit, tag or branch."""
    files: list[str]
    """Names of the files; * stands for anything."""


class Files(SourcePart):
    """Files at URLs, or at paths (a folder means all files in it); `sha256` by file name where known."""

    kind: Literal["files"]
    """Files at URLs or paths."""
    places: list[str]
    """URLs, files or folders."""
    sha256: dict[str, str] = {}
    """Checksums by file name."""


class SourceLicence(SourcePart):
    """The licence as the card or repository states it (`null`: none seen), and whether it lets one train."""

    name: str | None
    """The licence as the card or repository states it; null: none seen."""
    training: Literal["allowed", "forbidden", "not stated"]
    """Whether it lets one train."""
    note: str | None = None
    """What a reader must know."""


class Decides(SourcePart):
    """What decides which records a source gives.

    `pictures` names the folder or zip file, among the files, that picture paths lead into. `mapping` is a
    function of `r1v3.data.sources.mappings`. `constants` are fields that all rows share, `rename` gives
    our name for a field of theirs; both come before the mapping.
    """

    where: Annotated[Hub | Files, Field(discriminator="kind")]
    """Where the files are."""
    pictures: str | None = None
    """The folder or zip file that picture paths lead into."""
    mapping: str
    """The function of r1v3.data.sources.mappings that reads a row."""
    constants: dict[str, str] = {}
    """Fields that all rows share."""
    rename: dict[str, str] = {}
    """Our names for fields of theirs."""
    licence: SourceLicence
    """Its licence."""
    date: str | None = None
    """When it was published: a year, month or day."""

    @field_validator("date")
    @classmethod
    def _iso(cls, date: str | None) -> str | None:
        if date is not None and not is_date(date):
            raise ValueError("a year, month or day as ISO 8601 writes it, in quotes")
        return date


class SourceEntry(Decides):
    """All of an entry."""

    title: str
    """Its name."""
    citation: str
    """What to cite."""
    stands_in_for: str
    """The report's data set that it replaces."""
    differs: str
    """In what it is another."""

    def hashed(self) -> dict[str, object]:
        """The part that a data set's hash covers, with defaults."""
        return self.model_dump(include=set(Decides.model_fields))


def suffixes(path: Path) -> str:
    """The kind of a file by its name: `.jsonl` for `x.jsonl`, compressed or not."""
    return path.suffixes[-2] if path.suffix == ".gz" and len(path.suffixes) > 1 else path.suffix
