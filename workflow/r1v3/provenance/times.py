"""Corrects times of files that say nothing about their order, because Snakemake compares times.

In a clone, files from git have the times of the checkout instead of their making, so Snakemake would make
everything again. Files that git has and nobody changed were complete when they were recorded. All of them get
the oldest time among them.

A machine whose clock was ahead leaves files with times to come. Whatever is made from them is older than they
are, so Snakemake takes each new result for a failure. These files get the present time.
"""

import logging
import os
import subprocess
import time
from pathlib import Path

STAMP = "results/.settled"
TABLES = ("benchmarks", "claims", "sources", "studies")  # files that are inputs of rules
PLACES = ("results", *(f"config/{table}.yaml" for table in TABLES))
INSIDE = {
    "images",
    "checkpoints",
    "rollouts",
}  # folders of many files that are no inputs of rules themselves


def correct_times(root: Path, logger: logging.Logger | None = None) -> None:
    """Correct the times of files below `root` that would mislead Snakemake.

    Args:
        logger: is told of times to come. Without it, as in Snakemake's jobs, these stay.
    """
    equalise_times(root)
    if logger is not None:
        end_future_times(root, logger)


def equalise_times(root: Path) -> int:
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


def end_future_times(root: Path, logger: logging.Logger) -> int:
    """Give files of results/ and tables with a time to come the present one; return their number."""
    now = time.time()
    ahead: dict[Path, float] = {}
    for path in _inputs(root):
        try:
            seconds = path.stat().st_mtime - now
            if seconds > 0:
                os.utime(path, (now, now))
                ahead[path] = seconds
        except OSError:  # gone meanwhile, or another user's
            continue
    if ahead:
        worst = max(ahead, key=lambda path: ahead[path])
        logger.warning(
            f"{len(ahead)} files had times to come, {worst} by {ahead[worst] / 3600:.1f} hours; they have the"
            " present time now. See that the clocks of your machines agree."
        )
    return len(ahead)


def _inputs(root: Path):
    """Every file that may be an input of a rule."""
    yield from (root / place for place in PLACES[1:])
    for folder, folders, names in os.walk(root / "results"):
        folders[:] = [name for name in folders if name not in INSIDE]
        yield from (Path(folder, name) for name in names)


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.rstrip("\n") if done.returncode == 0 else None
