"""Reads all rows of a data set's sources with their places: listed files, or the tiny world."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from r1v3.data.fields import Rejected
from r1v3.data.picture_files import PictureFiles
from r1v3.data.sources.choose import Chosen, renamed
from r1v3.data.sources.fetch import fetch
from r1v3.data.sources.mappings import MAPPING_FUNCTIONS
from r1v3.data.sources.rows import WRONG_TYPE, read_rows
from r1v3.data.sources.source_files import SourceFiles
from r1v3.data.validate import SPLITS
from r1v3.recipe.graph.configs import ResolvedListedSource, SourceDataConfig
from r1v3.recipe.schema.data import WorldSource
from r1v3.recipe.tables.sources import Decides

OTHER_SPLIT = "other split"
UNKNOWN_SPLIT = "unknown split"
UNREADABLE_SPLIT = (UNKNOWN_SPLIT, WRONG_TYPE)  # errors of the row itself, not another split
DOWNLOADS = ".downloads"  # folder in a set's folder, until its rows are read


@dataclass(frozen=True)
class SourceRow:
    """One row: `fields` for `r1v3.data.validate`, or the reason why there are none.

    `pictures` reads its pictures, and `training` is what the source's licence says about training. `step` is
    the funnel's step that rejects it if its fields are rejected. `told` contains the columns of such a row
    under our names, for display.
    """

    source: str
    where: str
    fields: dict | Rejected
    pictures: PictureFiles
    training: str
    step: str = "valid"
    told: dict | None = None


class Sources:
    """Iterates over all rows. Afterwards `facts` lists the files and the unknown values.

    The caller reports each accepted row with `take`, because a source's `limit` counts accepted rows.
    """

    def __init__(self, rows: Iterator[SourceRow], expected: int, facts: dict, taken: Counter[str]):
        self._rows, self.expected, self.facts, self._taken = rows, expected, facts, taken

    def __iter__(self) -> Iterator[SourceRow]:
        return self._rows

    def take(self, row: SourceRow) -> None:
        """Count a row as accepted."""
        self._taken[row.source] += 1


def open_sources(config: SourceDataConfig, folder: Path) -> Sources:
    """Open the rows of a data set's sources. Files are fetched now; rows are read on demand.

    Raises:
        ValueError: a file cannot be fetched, or differs from the published one.
    """
    spec, source = config.set, config.set.source
    if isinstance(source, WorldSource):
        from r1v3.data.world.rows import world_rows

        nowhere = PictureFiles(None, scratch=folder / DOWNLOADS)
        rows = world_rows(source, spec.size, name=config.name)
        wrapped = (
            SourceRow("world", f"world:{number}", row, nowhere, "allowed")
            for number, row in enumerate(rows)
        )
        facts = {"world": {"instances": source.instances}}
        return Sources(wrapped, spec.size, facts, Counter())
    facts, taken = {}, Counter()
    opened: list[SourceFiles] = []
    for name, entry in source.entries.items():
        scratch = folder / DOWNLOADS / name
        files, sums = fetch(entry.where, scratch)
        facts[name] = {"files": sums, "licence": entry.licence.model_dump()}
        opened.append(SourceFiles(name, entry, files, scratch))
    rows = _rows(opened, source, config.cleaning.limits.max_bytes, facts, taken)
    return Sources(rows, spec.size, facts, taken)


def _rows(
    opened: list[SourceFiles],
    source: ResolvedListedSource,
    max_bytes: int,
    facts: dict[str, dict],
    taken: Counter[str],
) -> Iterator[SourceRow]:
    for each in opened:
        name, entry = each.name, each.entry
        chosen = Chosen(entry.select, entry.map, entry.split, entry.rename)
        where = ""
        for number, (file, line, row) in enumerate(_numbered(each.files, max_bytes), 1):
            where = f"{name}/{file.name}:{line}"
            if entry.limit is not None and taken[name] >= entry.limit:
                facts[name]["stopped"] = f"limit of {entry.limit:,} records, before {where}"
                break
            fields, step, told = row, "valid", None
            if isinstance(row, dict):
                fields, step = _fields(row, number, name, entry, source, chosen)
                told = renamed(row, entry.rename) if isinstance(fields, Rejected) else None
            pictures = each.pictures(file)
            yield SourceRow(name, where, fields, pictures, entry.licence.training, step, told)
        if not where:
            names = ", ".join(file.name for file in each.files[:20])
            raise ValueError(f"{name}: its files hold no row: {names}")
        chosen.check(name)
        if chosen.facts:
            facts[name]["unmatched"] = chosen.facts
        each.close()


def _numbered(files: list[Path], max_bytes: int) -> Iterator[tuple[Path, int, dict | Rejected]]:
    """Yield every row of a source's files: its file, its number in the file, and its content."""
    for file in files:
        for line, row in read_rows(file, max_bytes):
            yield file, line, row


def _fields(
    row: dict,
    number: int,
    name: str,
    entry: Decides,
    source: ResolvedListedSource,
    chosen: Chosen,
) -> tuple[dict | Rejected, str]:
    """Return a row's fields or its rejection, and the step that it reached."""
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
            raise Rejected(OTHER_SPLIT, part)
        return chosen.fields(row, fields), step
    except Rejected as refused:
        return refused, "valid" if refused.reason in UNREADABLE_SPLIT else step


def _check_split(split: object, wanted: str) -> None:
    """Reject a row that names another split than the wanted one. A row that names none is accepted."""
    if split is None or split == wanted:
        return
    if not isinstance(split, str):
        raise Rejected(WRONG_TYPE, f"split is {type(split).__name__}")
    named = split.strip().lower()
    if named not in ("", wanted):
        raise Rejected(OTHER_SPLIT if named in SPLITS else UNKNOWN_SPLIT, split[:100])


def _mapped(
    row: dict, number: int, name: str, entry: Decides, source: ResolvedListedSource
) -> dict:
    """Map a row to its fields.

    Raises:
        Rejected: the mapping cannot read the row.
    """
    row = renamed(row, entry.rename) | entry.constants
    licence = entry.licence.name or "not stated"
    fields = MAPPING_FUNCTIONS[entry.mapping](row, number)
    own = {"licence": fields.get("licence") or licence, "date": fields.get("date") or entry.date}
    fields |= own | {"source": name, "split": source.instances}
    if entry.mapping != "records":
        fields["edits"] = [*fields.get("edits", ()), f"mapping: {entry.mapping}"]
    return {key: value for key, value in fields.items() if value is not None}
