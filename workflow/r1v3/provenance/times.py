"""Gives files from git equal times. In a clone they have the times of the checkout instead of their making.

Snakemake compares times, so it would make everything again in a fresh clone. Files that git has and nobody
changed were complete when they were recorded. All of them get the oldest time among them.
"""

import os
import subprocess
from pathlib import Path

STAMP = "results/.settled"
TABLES = ("benchmarks", "claims", "sources", "studies")  # files that are inputs of rules
PLACES = ("results", *(f"config/{table}.yaml" for table in TABLES))


def settle_times(root: Path) -> int:
    """Equalise times once for each state of results/ that git checks out; return the number of files."""
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
