"""All rows of a data set's sources, each with where it came from: listed files, or the tiny world."""

import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from r1v3.data.fields import Refused
from r1v3.data.sources.choose import Chosen
from r1v3.data.sources.fetch import READABLE, fetch
from r1v3.data.sources.mappings import MAPPINGS
from r1v3.data.sources.rows import read_rows
from r1v3.data.validate import SPLITS
from r1v3.recipe.graph.configs import ResolvedListedSource, SourceDataConfig
from r1v3.recipe.schema.data import WorldSource
from r1v3.recipe.tables.sources import Decides, suffixes

OTHER_SPLIT = "other split"
UNKNOWN_SPLIT = "unknown split"
WRONG_TYPE = "wrong type of field"
UNREADABLE_SPLIT = (UNKNOWN_SPLIT, WRONG_TYPE)  # a fault of the row, not of what is asked for
DOWNLOADS = ".downloads"  # in a set's folder, until its rows are read


@dataclass(frozen=True)
class SourceRow:
    """One row: `fields` for `r1v3.data.validate`, or why there are none.

    `pictures` is the folder or zip file of its picture paths, `training` what the source's licence says;
    `step` is the funnel's where a refused row goes.
    """

    source: str
    where: str
    fields: dict | Refused
    pictures: Path | zipfile.ZipFile | None
    training: str
    step: str = "valid"


class Sources:
    """Iterates over all rows; `facts` says afterwards which files they came from, and what was not known.

    Whoever takes a row says so with `take`, since a source's `limit` counts what is taken.
    """

    def __init__(self, rows: Iterator[SourceRow], expected: int, facts: dict, taken: Counter[str]):
        self._rows, self.expected, self.facts, self._taken = rows, expected, facts, taken

    def __iter__(self) -> Iterator[SourceRow]:
        return self._rows

    def take(self, row: SourceRow) -> None:
        """Count a row as taken."""
        self._taken[row.source] += 1


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
            SourceRow("world", f"world:{number}", row, None, "allowed")
            for number, row in enumerate(rows)
        )
        facts = {"world": {"instances": source.instances}}
        return Sources(wrapped, spec.size, facts, Counter())
    facts, taken = {}, Counter()
    opened: list[tuple[str, Decides, list[Path]]] = []
    for name, entry in source.entries.items():
        files, sums = fetch(entry.where, folder / DOWNLOADS / name)
        facts[name] = {"files": sums, "licence": entry.licence.model_dump()}
        opened.append((name, entry, files))
    rows = _rows(opened, source, config.cleaning.limits.max_bytes, facts, taken)
    return Sources(rows, spec.size, facts, taken)


def _rows(
    opened: list[tuple[str, Decides, list[Path]]],
    source: ResolvedListedSource,
    max_bytes: int,
    facts: dict[str, dict],
    taken: Counter[str],
) -> Iterator[SourceRow]:
    for name, entry, files in opened:
        pictures = _pictures(entry, files)
        chosen = Chosen(entry.select, entry.map, entry.split)
        for where, number, row in _numbered(name, files, max_bytes):
            if entry.limit is not None and taken[name] >= entry.limit:
                facts[name]["stopped"] = f"limit of {entry.limit:,} records, before {where}"
                break
            fields, step = row, "valid"
            if isinstance(row, dict):
                fields, step = _fields(row, number, name, entry, source, chosen)
            yield SourceRow(name, where, fields, pictures, entry.licence.training, step)
        else:
            chosen.check(name)
        if chosen.facts:
            facts[name]["unmatched"] = chosen.facts


def _numbered(
    name: str, files: list[Path], max_bytes: int
) -> Iterator[tuple[str, int, dict | Refused]]:
    """Every row of a source's files: its place, its number in the source, and its content."""
    number = 0
    for file in files:
        if suffixes(file) not in READABLE:
            continue
        for line, row in read_rows(file, max_bytes):
            number += 1
            yield f"{name}/{file.name}:{line}", number, row


def _fields(
    row: dict,
    number: int,
    name: str,
    entry: Decides,
    source: ResolvedListedSource,
    chosen: Chosen,
) -> tuple[dict | Refused, str]:
    """A row's fields, or why it has none; and the step of the funnel that it reached."""
    step = "select"
    try:
        chosen.refuse(row)
        step = "split"
        if entry.split is None:
            _check_split(row.get("split"), source.split)
        step = "valid"
        fields = _mapped(row, number, name, entry, source)
        part = chosen.part(row, fields)
        if part not in (None, source.split):
            step = "split"
            raise Refused(OTHER_SPLIT, part)
        return chosen.fields(row, fields), step
    except Refused as refused:
        return refused, "valid" if refused.reason in UNREADABLE_SPLIT else step


def _check_split(split: object, wanted: str) -> None:
    """Refuse a row that names another split than the one wanted; a row that names none is of it."""
    if split is None or split == wanted:
        return
    if not isinstance(split, str):
        raise Refused(WRONG_TYPE, f"split is {type(split).__name__}")
    raise Refused(OTHER_SPLIT if split in SPLITS else UNKNOWN_SPLIT, split[:100])


def _mapped(
    row: dict, number: int, name: str, entry: Decides, source: ResolvedListedSource
) -> dict:
    """A row's fields.

    Raises:
        Refused: the mapping cannot read the row.
    """
    row = {entry.rename.get(key, key): value for key, value in row.items()} | entry.constants
    licence = entry.licence.name or "not stated"
    fields = MAPPINGS[entry.mapping](row, number)
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
