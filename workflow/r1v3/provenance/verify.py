"""`r1v3 verify`: reads every file of finished results, and compares it with its manifest."""

from collections.abc import Iterator
from pathlib import Path

from r1v3.base.user_errors import sentence
from r1v3.provenance.result_folders import ResultFolder, result_folders
from r1v3.recipe.outputs.check import changes
from r1v3.recipe.outputs.manifest import REMEDY
from r1v3.recipe.outputs.stage import check_config


def verify(root: Path, below: Path | None = None) -> tuple[int, list[str]]:
    """Check the files of all finished folders, or of those below one folder.

    Returns:
        The number of folders that were read, and a line for each fault.
    """
    chosen = [
        found
        for found in result_folders(root, damaged=True)
        if below is None or found.path.resolve().is_relative_to(below.resolve())
    ]
    finished = [found for found in chosen if found.seals[0].exists()]
    return len(finished), [line for found in finished for line in _wrong(found)]


def _wrong(found: ResultFolder) -> Iterator[str]:
    manifest = found.seals[0]
    try:
        check_config(found.path / "config.json")
        wrong = list(changes(manifest, cached=False))
    except (ValueError, OSError) as error:
        yield sentence(error)
        return
    for path, what in wrong:
        remedy = REMEDY.format(folder=found.folder, manifest=manifest.name)
        yield f"{path}: {what} since {manifest} vouched for it; {remedy}"
