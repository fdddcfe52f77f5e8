"""The lock that a killed Snakemake left in a folder goes; that of a living one, or of one unseen, stays.

Each Snakemake notes host and process in `.snakemake/owners/`. On another host or in another container none
can be seen.
"""

import atexit
import contextlib
import json
import os
import platform
import sys
from pathlib import Path

from r1v3.base.atomic_write import write_text

BY_HAND = "If no Snakemake runs in this folder any more, `snakemake --unlock` removes the lock."
KILLED = "An earlier run was killed; going on from where it was."


def own_folder(folder: Path) -> None:
    """Remove the lock of Snakemakes that are dead, and note the one that runs now."""
    if unlock_dead(folder) == KILLED:
        print(KILLED, file=sys.stderr)
    note_owner(folder)


def unlock_dead(folder: Path) -> str:
    """Remove a lock where every owner is seen to be dead.

    Returns:
        What to say of it; empty where there is no lock.
    """
    locks = sorted((folder / ".snakemake" / "locks").glob("*"))
    notes = sorted(_owners(folder).glob("*.json"))
    living = [note for note in notes if not _is_dead(note)]
    if not locks:
        return ""
    if living or not notes:
        names = ", ".join(note.stem for note in living) or "one that left no note"
        return f"The lock of this folder stays: its Snakemake ({names}) may live. {BY_HAND}"
    for path in (*locks, *notes):
        path.unlink(missing_ok=True)
    return KILLED


def note_owner(folder: Path) -> None:
    """Note the Snakemake that this process is; the note goes when it ends."""
    note = _owners(folder) / f"{platform.node()}-{os.getpid()}.json"
    owner = {
        "host": platform.node(),
        "user": str(os.getuid()),
        "pid": os.getpid(),
        "boot": _boot(),
        "processes": _processes(),
        # Another process may get the same number later, but began at another time.
        "began": _began(os.getpid()),
    }
    with contextlib.suppress(OSError):
        write_text(note, json.dumps(owner))
        atexit.register(note.unlink, missing_ok=True)


def _is_dead(note: Path) -> bool:
    """Whether the Snakemake of a note is seen to have ended."""
    try:
        owner = json.loads(note.read_text())
        here = owner["host"] == platform.node()
        if here and owner["boot"] != _boot():
            return True  # this host was started again since
        if not here or owner["processes"] != _processes():
            return False
        return _began(int(owner["pid"])) != owner["began"]
    except FileNotFoundError:  # it has no process, or ended and took its note away
        return True
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _owners(folder: Path) -> Path:
    return folder / ".snakemake" / "owners"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _processes() -> str:
    """The namespace in which the numbers of processes count."""
    return os.readlink("/proc/self/ns/pid")


def _began(pid: int) -> str:
    """When a process began, in ticks since the host started."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
