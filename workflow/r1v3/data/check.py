"""Reports on rows before they become a set, and on the pictures of a finished set.

`prepare` itself checks the rows, in a folder that is deleted afterwards. So both give the same result.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from r1v3.data.fields import Rejected
from r1v3.data.prepare import NothingLeftError, prepare
from r1v3.data.records import Record, iter_records
from r1v3.data.rejected import Rejections
from r1v3.recipe.graph.configs import ResolvedListedSource, ResolvedSourceSet, SourceDataConfig
from r1v3.recipe.schema.cleaning import CleaningRules
from r1v3.recipe.schema.data import SourceSet
from r1v3.recipe.tables.sources import Decides, Files, SourceEntry

SHOWN = 3
UNLIMITED = 2**62


@dataclass
class Checked:
    """Counts of accepted rows and of rejected rows by reason, with the first places of each reason.

    `example` is the first record that the rows gave.
    """

    right: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)
    example: Record | None = None

    def refuse(self, refused: Rejected, place: str) -> None:
        self.reasons[refused.reason] += 1
        shown = self.places.setdefault(refused.reason, [])
        if len(shown) < SHOWN:
            shown.append(f"{place}: {refused.detail}" if refused.detail else place)

    def lines(self) -> list[str]:
        """Return the report, one fact per line."""
        wrong = sum(self.reasons.values())
        lines = [f"{self.right + wrong:,} rows: {self.right:,} right, {wrong:,} refused"]
        for reason, count in self.reasons.most_common():
            lines.append(f"  {count:>9,}  {reason}")
            lines += [f"             {place}" for place in self.places[reason]]
        return lines


def entry_of_files(files: list[Path], mapping: str, constants: dict[str, str]) -> Decides:
    """Make the entry of config/sources.yaml for files of rows and archives of their pictures."""
    return Decides.model_validate(
        {
            "where": {"kind": "files", "places": [str(file) for file in files]},
            "mapping": mapping,
            "constants": constants,
        }
    )


EXAMPLE = {
    "id": "1",
    "question": "What is the sum of the two numbers?",
    "options": ["5", "7", "9"],
    "answer": "B",
    "answer_type": "mcq",
    "images": ["pictures/1.png"],
    "domain": "mathematics",
    "difficulty": "k12",
    "language": "en",
}


def entry_of_place(
    place: Path, sources: dict[str, SourceEntry], root: Path
) -> tuple[str, SourceEntry] | None:
    """Find the entry of config/sources.yaml that lists this file or has this name; None without one."""
    if str(place) in sources and not place.exists():
        return str(place), sources[str(place)]
    for name, entry in sources.items():
        if isinstance(entry.where, Files):
            places = (root / each for each in entry.where.places if "://" not in each)
            if place.exists() and any(each.resolve() == place.resolve() for each in places):
                return name, entry
    return None


def from_root(entry: SourceEntry, root: Path) -> SourceEntry:
    """Return the entry with absolute local paths."""
    if not isinstance(entry.where, Files):
        return entry
    places = [each if "://" in each else str(root / each) for each in entry.where.places]
    return entry.model_copy(update={"where": entry.where.model_copy(update={"places": places})})


def as_asked(
    name: str, entry: Decides, asked: SourceSet | None, cleaning: CleaningRules
) -> SourceDataConfig:
    """Return the configuration of a set with all rows of one source.

    Args:
        asked: a set of the recipe that reads the source; its split, dates and handling of twins apply here.
            With None any date is accepted, and twins within the source are dropped.
    """
    source = asked.source if asked and asked.source.kind == "listed" else None
    listed = {
        "kind": "listed",
        "entries": {name: entry.model_dump(include=set(Decides.model_fields), exclude_unset=True)},
        "split": source.split if source else "train",
        "instances": source.instances if source else "train",
    }
    chosen = {
        "before": asked.before if asked else None,
        "undated": asked.undated if asked else "keep",
        "duplicates": asked.duplicates if asked else "drop",
    }
    spec = ResolvedSourceSet(
        kind="source",
        source=ResolvedListedSource.model_validate(listed),
        size=UNLIMITED,
        stands_in_for=None,
        balance=None,
        contaminated=None,
        **chosen,
    )
    return SourceDataConfig(version=1, name=name, seed=0, set=spec, cleaning=cleaning)


def check_source(config: SourceDataConfig) -> Checked:
    """Run every row of a set's sources through `prepare`, and keep no result.

    Raises:
        ValueError: a file cannot be fetched, has an unknown format, or contains no row.
    """
    checked = Checked()
    with TemporaryDirectory(prefix="r1v3-check-") as scratch:
        folder = Path(scratch)
        try:
            prepare(config, folder)
        except NothingLeftError:
            pass
        else:
            checked.example = next(iter_records(folder), None)
            checked.right = sum(1 for _ in iter_records(folder))
        with open(folder / Rejections.NAME, encoding="utf-8") as lines:
            for line in map(json.loads, lines):
                checked.refuse(Rejected(line["reason"], line.get("detail") or ""), line["where"])
    return checked


def check_set(folder: Path) -> Checked:
    """Check that every picture of a set exists and matches the checksum in its name."""
    checked, seen = Checked(), {}
    for record in iter_records(folder):
        try:
            for image in record.images:
                if image not in seen:
                    seen[image] = _state(folder / image)
                if seen[image]:
                    raise Rejected(seen[image], image)
            checked.right += 1
        except Rejected as refused:
            checked.refuse(refused, record.id)
    return checked


def _state(path: Path) -> str:
    if not path.is_file():
        return "picture is missing"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if digest == path.stem else "picture is not what its name says"
