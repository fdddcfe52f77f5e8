"""A report on data that is no set yet, or is one: what would be refused, and whether pictures are whole."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from r1v3.data.fields import Refused
from r1v3.data.picture_files import PictureFiles, is_archive
from r1v3.data.records import iter_records
from r1v3.data.sources.mappings import MAPPINGS
from r1v3.data.sources.rows import READABLE, read_rows, unknown_form
from r1v3.data.validate import Validator
from r1v3.recipe.schema.cleaning import Limits
from r1v3.recipe.tables.sources import suffixes

SHOWN = 3


@dataclass
class Checked:
    """How many rows are right, and why the others are not, with the first places of each reason."""

    right: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, refused: Refused, place: str) -> None:
        self.reasons[refused.reason] += 1
        shown = self.places.setdefault(refused.reason, [])
        if len(shown) < SHOWN:
            shown.append(f"{place}: {refused.detail}" if refused.detail else place)

    def lines(self) -> list[str]:
        """The report, a line a fact."""
        wrong = sum(self.reasons.values())
        lines = [f"{self.right + wrong:,} rows: {self.right:,} right, {wrong:,} refused"]
        for reason, count in self.reasons.most_common():
            lines.append(f"  {count:>9,}  {reason}")
            lines += [f"             {place}" for place in self.places[reason]]
        return lines


def check_files(
    files: list[Path], mapping: str, constants: dict[str, str], limits: Limits
) -> Checked:
    """Read, map and validate every row of files, and keep none.

    Args:
        files: of rows, and archives of their pictures, as the places of an entry in config/sources.yaml.
        constants: fields that all rows share.
        limits: the recipe's `cleaning.limits`.

    Raises:
        ValueError: a file is of an unknown kind.
    """
    checked, validator = Checked(), Validator(limits)
    archives = sorted(file for file in files if is_archive(file))
    files = [file for file in files if file not in archives]
    for file in files:
        if suffixes(file) not in READABLE:
            raise ValueError(unknown_form(file))
    with TemporaryDirectory() as scratch:
        pictures = {
            folder: PictureFiles(folder, archives, scratch=Path(scratch))
            for folder in {file.parent for file in files}
        }
        for file in files:
            validator.pictures = pictures[file.parent]
            _check_rows(file, MAPPINGS[mapping], constants, validator, checked)
        for each in pictures.values():
            each.close()
    return checked


def _check_rows(
    file: Path,
    read: Callable[[dict, int], dict],
    constants: dict[str, str],
    validator: Validator,
    checked: Checked,
) -> None:
    """Map and validate every row of a file."""
    for number, row in read_rows(file, validator.limits.max_bytes):
        try:
            if isinstance(row, Refused):
                raise row
            validator(read(row | constants, number))
            checked.right += 1
        except Refused as refused:
            checked.refuse(refused, f"{file.name}:{number}")


def check_set(folder: Path) -> Checked:
    """Whether every picture of a set is there and is what its name says."""
    checked, seen = Checked(), {}
    for record in iter_records(folder):
        try:
            for image in record.images:
                if image not in seen:
                    seen[image] = _state(folder / image)
                if seen[image]:
                    raise Refused(seen[image], image)
            checked.right += 1
        except Refused as refused:
            checked.refuse(refused, record.id)
    return checked


def _state(path: Path) -> str:
    if not path.is_file():
        return "picture is missing"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if digest == path.stem else "picture is not what its name says"
