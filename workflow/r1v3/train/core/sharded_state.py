"""States to which every rank writes a part: a folder with a list of sha256 sums, checked when it is read.

A damaged state is renamed, as in `saved_state`.
"""

import json
import shutil
from collections.abc import Callable
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import settle_file, sync_folder, write_text
from r1v3.train.core.ranks import Ranks

SUMS = "sha256.json"
# The sha256 of the rest of the list of sums; lists of earlier versions have none.
SUMS_SEAL = "seal"


def save_sharded_state(
    folder: Path, step: int, write: Callable[[Path], None], ranks: Ranks, *, keep: int
) -> None:
    """Let all ranks write into a folder, and rename the folder when it is complete.

    All but the newest `keep` states up to this step are deleted.

    Args:
        write: writes this rank's part into the folder that it gets.
    """
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
    for path in own:
        settle_file(
            path
        )  # after a power failure the list must not name files that were never written
    sums = dict(ranks.gather([(str(p.relative_to(partial)), _sha256(p)) for p in own]))
    if ranks.first:
        note: dict[str, Any] = {"ranks": ranks.world, "files": sums}
        write_text(partial / SUMS, json.dumps(note | {SUMS_SEAL: _seal_of(note)}, indent=1))
        partial.rename(final)
        sync_folder(final.parent)
        for old in [p for p in sorted(Path(folder).glob("step-??????")) if p <= final][:-keep]:
            shutil.rmtree(old)
    ranks.wait()


def newest_intact(folder: Path, ranks: Ranks) -> Path | None:
    """Return the newest state whose files are intact. A damaged state is reported and skipped.

    Raises:
        ValueError: another number of ranks wrote the state, so its shards do not fit.
    """
    for path in sorted(Path(folder).glob("step-??????"), reverse=True):
        damaged = ranks.gather(_damaged(path, ranks))
        if not damaged:
            note = _read_sums(path)
            assert note is not None, "an intact state has its sums"
            world = note["ranks"]
            if world != ranks.world:
                raise ValueError(f"{path} was written by {world} ranks, not {ranks.world}")
            if ranks.first:
                step = int(path.name.partition("-")[2])
                print(f"{path}: going on after step {step}", flush=True)
            return path
        if ranks.first:
            names = ", ".join(sorted(set(damaged)))
            print(f"{path} is damaged ({names}); using the one before it", flush=True)
            refused = path.with_suffix(".damaged")
            shutil.rmtree(refused, ignore_errors=True)
            path.rename(refused)
    return None


def _damaged(path: Path, ranks: Ranks) -> list[str]:
    """Return the names of missing or damaged files, among those that this rank checks."""
    note = _read_sums(path)
    if note is None:
        return [SUMS]
    own = sorted(note["files"].items())[ranks.rank :: ranks.world]
    return [name for name, recorded in own if not _matches(path / name, recorded)]


def _read_sums(path: Path) -> dict[str, Any] | None:
    """Read the recorded sums and number of ranks; None if the file is unreadable or was changed."""
    try:
        note = json.loads((path / SUMS).read_text())
        read = {"ranks": int(note["ranks"]), "files": dict(note["files"])}
        whole = not set(note) - {*read, SUMS_SEAL} and note.get(
            SUMS_SEAL, _seal_of(read)
        ) == _seal_of(read)
        return read if whole else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _seal_of(note: dict[str, Any]) -> str:
    return sha256(json.dumps(note, sort_keys=True).encode()).hexdigest()


def _matches(path: Path, recorded: str) -> bool:
    try:
        return _sha256(path) == recorded
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
