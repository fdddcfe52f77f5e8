"""Equal times for what git brought: a clone's files carry the order of its checkout, not of their making.

Snakemake compares times, so a fresh clone would want to do everything again. What git has and nobody
changed since was complete when it was recorded; such files get the oldest time among them.
"""

import os
import subprocess
from pathlib import Path

STAMP = "results/.settled"
TABLES = ("benchmarks", "claims", "sources", "studies")  # files that rules read as they are
PLACES = ("results", *(f"config/{table}.yaml" for table in TABLES))


def settle_times(root: Path) -> int:
    """Equalise times once for each state of results/ that git checks out; return how many files."""
    tree = _git(root, "rev-parse", "HEAD:results")
    stamp = root / STAMP
    if tree is None or (stamp.exists() and stamp.read_text() == tree):
        return 0
    listed = _git(root, "ls-files", "-z", "--", *PLACES) or ""
    changed = set(
        (_git(root, "diff", "--name-only", "-z", "HEAD", "--", *PLACES) or "").split("\0")
    )
    paths = [root / name for name in listed.split("\0") if name and name not in changed]
    paths = [path for path in paths if path.exists()]
    oldest = min((path.stat().st_mtime_ns for path in paths), default=0)
    for path in paths:
        os.utime(path, ns=(oldest, oldest))
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(tree)
    return len(paths)


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.rstrip("\n") if done.returncode == 0 else None
