"""Before `make demo`: remove the lock that a killed Snakemake left in this folder.

Each Snakemake notes host and process in .snakemake/owners/. The lock goes only where every one of them is
seen to be dead; on another host or in another container none can be seen, and the lock stays.

    python workflow/scripts/unlock.py
"""

import json
import platform
from pathlib import Path

BY_HAND = "If no Snakemake runs in this folder any more, `snakemake --unlock` removes the lock."


def is_dead(note: Path) -> bool:
    """Whether the Snakemake of a note is seen to have ended."""
    try:
        owner = json.loads(note.read_text())
        here = owner["host"] == platform.node()
        if here and owner["boot"] != Path("/proc/sys/kernel/random/boot_id").read_text().strip():
            return True  # this host was started again since
        if not here or owner["processes"] != str(Path("/proc/self/ns/pid").readlink()):
            return False
        stat = Path("/proc") / str(int(owner["pid"])) / "stat"
        return stat.read_text().rpartition(")")[2].split()[19] != owner["began"]
    except FileNotFoundError:  # it has no process, or ended and took its note away
        return True
    except (OSError, ValueError, LookupError, TypeError):
        return False


def main() -> None:
    locks = sorted(Path(".snakemake/locks").glob("*"))
    notes = sorted(Path(".snakemake/owners").glob("*.json"))
    living = [note for note in notes if not is_dead(note)]
    if not locks:
        return
    if living or not notes:
        names = ", ".join(note.stem for note in living) or "one that left no note"
        print(f"The lock of this folder stays: its Snakemake ({names}) may live. {BY_HAND}")
        return
    print("An earlier run was killed; going on from where it was.")
    for path in (*locks, *notes):
        path.unlink()


if __name__ == "__main__":
    main()
