"""States that every rank writes a part of: a folder, sealed by a list of sha256, checked when read.

One that is refused is renamed, as in `resume`.
"""

import json
import shutil
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path

from r1v3.train.core.ranks import Ranks

SEAL = "sha256.json"


def seal(
    folder: Path, step: int, write: Callable[[Path], None], ranks: Ranks, *, keep: int
) -> None:
    """Let all ranks write into a folder and rename it when it is whole; of it and those before, only the
    newest `keep` stay."""
    final = Path(folder) / f"step-{step:06d}"
    partial = final.with_suffix(".partial")
    if ranks.first:
        for old in (partial, final):
            shutil.rmtree(old, ignore_errors=True)
        partial.mkdir(parents=True)
    ranks.wait()
    write(partial)
    ranks.wait()
    own = [path for path in sorted(partial.rglob("*")) if path.is_file()][ranks.rank :: ranks.world]
    sums = dict(ranks.gather([(str(p.relative_to(partial)), _sha256(p)) for p in own]))
    if ranks.first:
        note = {"ranks": ranks.world, "files": sums}
        (partial / SEAL).write_text(json.dumps(note, indent=1))
        partial.rename(final)
        for old in [p for p in sorted(Path(folder).glob("step-??????")) if p <= final][:-keep]:
            shutil.rmtree(old)
    ranks.wait()


def newest_whole(folder: Path, ranks: Ranks) -> Path | None:
    """The newest state whose files are what was written; a damaged one is named and passed over.

    Raises:
        ValueError: it was written by another number of ranks, which ZeRO's parts do not fit.
    """
    for path in sorted(Path(folder).glob("step-??????"), reverse=True):
        damaged = ranks.gather(_damaged(path, ranks))
        if not damaged:
            world = _note(path)["ranks"]
            if world != ranks.world:
                raise ValueError(f"{path} was written by {world} ranks, not {ranks.world}")
            return path
        if ranks.first:
            names = ", ".join(sorted(set(damaged)))
            print(f"{path} is damaged ({names}); using the one before it", flush=True)
            refused = path.with_suffix(".damaged")
            shutil.rmtree(refused, ignore_errors=True)
            path.rename(refused)
    return None


def _damaged(path: Path, ranks: Ranks) -> list[str]:
    """Names of this rank's share of the files that are missing or altered."""
    note = _note(path)
    if note is None:
        return [SEAL]
    own = sorted(note["files"].items())[ranks.rank :: ranks.world]
    return [name for name, sealed in own if not _is(path / name, sealed)]


def _note(path: Path) -> dict | None:
    """What the seal says, if it can be read."""
    try:
        note = json.loads((path / SEAL).read_text())
        return {"ranks": int(note["ranks"]), "files": dict(note["files"])}
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _is(path: Path, sealed: str) -> bool:
    try:
        return _sha256(path) == sealed
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
