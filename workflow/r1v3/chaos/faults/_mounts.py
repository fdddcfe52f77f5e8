"""Mounts file systems over a folder for a while, which needs root."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path


def no_mounts() -> str:
    """Return why nothing can be mounted here; an empty text if it can."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "only root mounts file systems"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "mounting is not allowed here"


@contextlib.contextmanager
def mounted(folder: Path, *how: str) -> Iterator[None]:
    """Mount something over a folder, and unmount it afterwards, even if a process still writes there."""
    subprocess.run(["mount", *how, str(folder)], check=True)
    try:
        if "ro" in how:  # only a second call makes a bind mount read-only
            subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
