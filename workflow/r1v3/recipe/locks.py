"""Removes the lock that a killed Snakemake left in a folder, and leaves that of a living one.

Each Snakemake writes its host and process to a note in `.snakemake/owners/`. A process on another host or in
another container cannot be seen, so its lock stays.
"""

import atexit
import contextlib
import json
import os
import platform
import sys
from pathlib import Path

from r1v3.base.atomic_write import write_text


def own_folder(folder: Path) -> None:
    """Remove a lock whose owners have all ended, and note the Snakemake that runs now."""
    locks = list((folder / ".snakemake" / "locks").glob("*"))
    notes = list(_owners(folder).glob("*.json"))
    if locks and notes and all(map(_is_dead, notes)):
        print("An earlier run was killed; going on from where it was.", file=sys.stderr)
        for path in (*locks, *notes):
            path.unlink(missing_ok=True)
    note_owner(folder)


def why_locked(folder: Path) -> str:
    """Return a message that says who locked a folder, and what to do about it."""
    notes = [note for note in _owners(folder).glob("*.json") if note != _own_note(folder)]
    living = sorted(note.stem for note in notes if not _is_dead(note))
    names = ", ".join(living) or "one that left no note"
    return (
        f"the folder is locked, and its Snakemake ({names}) may live; if none runs here any more,"
        " `snakemake --unlock` removes the lock"
    )


def note_owner(folder: Path) -> None:
    """Write a note about this process, which is a Snakemake; the note is removed when it ends."""
    note = _own_note(folder)
    owner = {
        "host": platform.node(),
        "user": str(os.getuid()),
        "pid": os.getpid(),
        "boot": _boot(),
        "processes": _processes(),
        # Another process may get the same number later, but it has another start time.
        "began": _began(os.getpid()),
    }
    with contextlib.suppress(OSError):
        write_text(note, json.dumps(owner))
        atexit.register(note.unlink, missing_ok=True)


def _is_dead(note: Path) -> bool:
    """Return whether the Snakemake of a note is known to have ended."""
    try:
        owner = json.loads(note.read_text())
        here = owner["host"] == platform.node()
        if here and owner["boot"] != _boot():
            return True  # this host was restarted since
        if not here or owner["processes"] != _processes():
            return False
        return _began(int(owner["pid"])) != owner["began"]
    except FileNotFoundError:  # there is no such process, or it ended and removed its note
        return True
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _owners(folder: Path) -> Path:
    return folder / ".snakemake" / "owners"


def _own_note(folder: Path) -> Path:
    return _owners(folder) / f"{platform.node()}-{os.getpid()}.json"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _processes() -> str:
    """Return the PID namespace of this process."""
    return os.readlink("/proc/self/ns/pid")


def _began(pid: int) -> str:
    """Return when a process began, in clock ticks since the host started."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
