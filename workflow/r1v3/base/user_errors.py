"""Errors for users: one line says what is wrong, where, and what to do. The traceback goes to a file.

Mistakes of users, damaged files and failing machines are raised as `ValueError`, `OSError`, `RuntimeError` or
`FloatingPointError` with such a line. Any other error is a mistake of this project, and the line says so.
"""

import contextlib
import errno
import itertools
import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

# The options with a stage's outputs; its traceback goes beside them.
OUTPUTS = ("--manifest", "--output")
NAME = ".traceback.log"
SHOW = "R1V3_TRACEBACK"
REMEDIES = {
    errno.ENOSPC: "the disk is full; make room, then call the same command again: it goes on",
    errno.EDQUOT: "the quota is used up; make room, then call the same command again: it goes on",
    errno.EROFS: "the file system is read-only; have it mounted for writing, then call the command again",
    errno.EACCES: "permission denied; have its owner allow it, then call the same command again",
    errno.EMFILE: "too many open files; raise `ulimit -n`, then call the same command again",
    errno.ENOENT: "is not there; look at its path, or make what it belongs to again",
    errno.EISDIR: "a folder lies where a file belongs; move it away, then call the same command again",
    errno.ENOTDIR: "a file lies where a folder belongs; move it away, then call the same command again",
    errno.ELOOP: "a link that leads to itself; remove it, then call the same command again",
    errno.ENAMETOOLONG: "the name is too long for this file system; choose a shorter one",
    errno.EIO: "the disk fails here; restore the file on another disk, then call the same command again",
    errno.ESTALE: "the file server has lost it; have it mounted again, then call the same command again",
    errno.ENOMEM: "no memory is left; end other programs or ask for more, then call the same command again",
}


def run_main(main: Callable[[], object]) -> None:
    """Call the main function of a script. If it fails, say so in one line and exit with code 1.

    With `R1V3_TRACEBACK=1` the traceback is shown.
    """
    try:
        code = main()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get(SHOW):
            raise
        place = keep_traceback(error, _beside(sys.argv))
        sys.stdout.flush()
        print(f"{Path(sys.argv[0]).stem}: {sentence(error)}{place}", file=sys.stderr, flush=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def escape_unprintable(text: str) -> str:
    """Replace characters with which another person's text could overwrite or stop a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def sentence(error: BaseException) -> str:
    """Return the line about an error: its own message, or the system's with a remedy."""
    return "\n".join(map(escape_unprintable, _sentence(error).split("\n")))


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno in REMEDIES:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{REMEDIES[error.errno]}"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return REMEDIES[errno.ENOMEM]
    told = isinstance(error, ValueError | OSError | RuntimeError | FloatingPointError)
    text = " ".join(str(error).split()) if not isinstance(error, ValueError) else str(error)
    if told and text:
        return text
    return f"an error that nobody foresaw, please report it ({type(error).__name__}: {text[:300]})"


def keep_traceback(error: BaseException, folder: Path) -> str:
    """Append the traceback to a file. Return the addition to the line; empty if it cannot be written."""
    lines = "".join(traceback.format_exception(error))
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    path = folder / NAME
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{stamp} {' '.join(sys.argv)}\n{lines}\n")
        return f" [traceback: {path}]"
    return ""


def _beside(arguments: list[str]) -> Path:
    for name, value in itertools.pairwise(arguments):
        if name in OUTPUTS:
            return Path(value).parent
    return Path("results/log")
