"""All rows of a data set's sources, each with where it came from: listed files, or the tiny world."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from r1v3.data.fields import Refused
from r1v3.data.sources.fetch import READABLE, fetch
from r1v3.data.sources.mappings import MAPPINGS
from r1v3.data.sources.rows import read_rows
from r1v3.data.validate import SPLITS
from r1v3.recipe.graph.configs import ResolvedListedSource, SourceDataConfig
from r1v3.recipe.schema.data import WorldSource
from r1v3.recipe.tables.sources import Decides, suffixes

OTHER_SPLIT = "other split"
DOWNLOADS = ".downloads"  # in a set's folder, until its rows are read


@dataclass(frozen=True)
class SourceRow:
    """One row: `fields` for `r1v3.data.validate`, or why there are none.

    `pictures` is the folder or zip file of its picture paths, `training` what the source's licence says;
    `step` is the funnel's where a refused row goes.
    """

    where: str
    fields: dict | Refused
    pictures: Path | zipfile.ZipFile | None
    training: str
    step: str = "valid"


class Sources:
    """Iterates over all rows; `facts` says, afterwards too, which files they came from."""

    def __init__(self, rows: Iterator[SourceRow], expected: int, facts: dict):
        self._rows, self.expected, self.facts = rows, expected, facts

    def __iter__(self) -> Iterator[SourceRow]:
        return self._rows


def open_sources(config: SourceDataConfig, folder: Path) -> Sources:
    """The rows of a data set's sources; files are fetched now, rows read as they are asked for.

    Raises:
        ValueError: a file cannot be had or is not the published one.
    """
    spec, source = config.set, config.set.source
    if isinstance(source, WorldSource):
        from r1v3.data.world.rows import world_rows

        rows = world_rows(source, spec.size, name=config.name)
        wrapped = (
            SourceRow(f"world:{number}", row, None, "allowed") for number, row in enumerate(rows)
        )
        return Sources(wrapped, spec.size, {"world": {"instances": source.instances}})
    facts: dict[str, dict] = {}
    opened: list[tuple[str, Decides, list[Path]]] = []
    for name, entry in source.entries.items():
        files, sums = fetch(entry.where, folder / DOWNLOADS / name)
        facts[name] = {"files": sums, "licence": entry.licence.model_dump()}
        opened.append((name, entry, files))
    return Sources(_rows(opened, source, config.cleaning.limits.max_bytes), spec.size, facts)


def _rows(
    opened: list[tuple[str, Decides, list[Path]]], source: ResolvedListedSource, max_bytes: int
) -> Iterator[SourceRow]:
    for name, entry, files in opened:
        pictures = _pictures(entry, files)
        number = 0
        for file in files:
            if suffixes(file) not in READABLE:
                continue
            for line, row in read_rows(file, max_bytes):
                number += 1
                fields, step = row, "valid"
                if isinstance(row, dict):
                    fields = _of_other_split(row.get("split"), source.split)
                    step = "split" if fields and fields.reason == OTHER_SPLIT else "valid"
                    fields = fields or _mapped(row, number, name, entry, source)
                where = f"{name}/{file.name}:{line}"
                yield SourceRow(where, fields, pictures, entry.licence.training, step)


def _of_other_split(split, wanted: str) -> Refused | None:
    """Why a row is not of the split wanted; a row that names none is."""
    if split is None or split == wanted:
        return None
    if not isinstance(split, str):
        return Refused("wrong type of field", f"split is {type(split).__name__}")
    return Refused(OTHER_SPLIT if split in SPLITS else "unknown split", split[:100])


def _mapped(
    row: dict, number: int, name: str, entry: Decides, source: ResolvedListedSource
) -> dict | Refused:
    """A row's fields, or why it has none."""
    row = {entry.rename.get(key, key): value for key, value in row.items()} | entry.constants
    licence = entry.licence.name or "not stated"
    try:
        fields = MAPPINGS[entry.mapping](row, number)
    except Refused as refused:
        return refused
    own = {"licence": fields.get("licence") or licence, "date": fields.get("date") or entry.date}
    fields |= own | {"source": name, "split": source.instances}
    if entry.mapping != "records":
        fields["edits"] = [*fields.get("edits", ()), f"mapping: {entry.mapping}"]
    return {key: value for key, value in fields.items() if value is not None}


def _pictures(entry: Decides, files: list[Path]) -> Path | zipfile.ZipFile | None:
    if entry.pictures is None:
        return files[0].parent
    found = next((file for file in files if file.name == entry.pictures), None)
    if found is not None and zipfile.is_zipfile(found):
        return zipfile.ZipFile(found)
    folder = files[0].parent / entry.pictures
    return folder if folder.is_dir() else None
