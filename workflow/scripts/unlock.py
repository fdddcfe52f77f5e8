"""Before `make demo`: remove the lock that a killed Snakemake left in this folder.

Does nothing while a Snakemake is alive here, so that two never write to the same files.

    python workflow/scripts/unlock.py
"""

from pathlib import Path


def snakemakes_of(folder: Path) -> list[int]:
    """Process ids of the Snakemakes whose working directory is `folder`."""
    found = []
    for process in sorted(Path("/proc").glob("[0-9]*")):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            at = (process / "cwd").resolve()
        except OSError:  # gone meanwhile, or another user's
            continue
        if at == folder and any(word.rpartition(b"/")[2] == b"snakemake" for word in words):
            found.append(int(process.name))
    return found


def main() -> None:
    locks = sorted(Path(".snakemake/locks").glob("*"))
    if locks and not snakemakes_of(Path.cwd()):
        print("An earlier run was killed; going on from where it was.")
        for lock in locks:
            lock.unlink()


if __name__ == "__main__":
    main()
