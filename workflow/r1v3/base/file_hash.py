"""The sha256 of files, with a cache that is valid while inode, size and times of a file are unchanged.

The change time is part of the key, and nobody can set it back. So a file that was edited and given its old
modification time is read again. No time shows a bit that changed on the disk; only reading does. So
`r1v3 verify` uses no cache.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CACHE = ".sha256.jsonl"  # the cache beside the files of one folder
THREADS = 8  # sha256 runs outside Python's lock; more readers do not make a disk faster
SMALL = 2**18  # bytes
SETTLED = 0.1  # seconds; a younger file may change once more within the same tick of the clock

# Identifies a state of a file: inode, size, modification time, change time (nanoseconds).
State = tuple[int, int, int, int]


def file_sha256(path: Path, cache: Path | None = None) -> str:
    """Return the sha256 of a file's content, in hexadecimal digits.

    Args:
        cache: a file of known digests, which is read and extended; None to read the file in any case.

    Raises:
        OSError: the file cannot be read.
    """
    return files_sha256([path], cache)[path]


def files_sha256(paths: Iterable[Path], cache: Path | None = None) -> dict[Path, str]:
    """Return the sha256 of each file; several files are read at the same time.

    Raises:
        OSError: one of them cannot be read.
    """
    known = _read_cache(cache) if cache else {}
    states = {path: _state(path) for path in paths}
    found = {path: known[state] for path, state in states.items() if state in known}
    waiting = [path for path in states if path not in found]
    # Largest first, so that the longest file does not run alone at the end; small ones need no thread.
    large = sorted((p for p in waiting if states[p][1] > SMALL), key=lambda path: -states[path][1])
    small = [path for path in waiting if states[path][1] <= SMALL]
    new = {}
    if len(large) > 1:
        with ThreadPoolExecutor(min(THREADS, len(large), os.cpu_count() or 1)) as pool:
            new |= zip(large, pool.map(_read, large), strict=True)
    else:
        small += large
    new |= {path: _read(path) for path in small}
    found |= new
    if cache and new:
        settled = (time.time() - SETTLED) * 1e9
        unchanged = [path for path in waiting if _state(path) == states[path]]
        safe = [path for path in unchanged if max(states[path][2:]) < settled]
        _add(cache, {states[path]: found[path] for path in safe})
    return {path: found[path] for path in states}


def _state(path: Path) -> State:
    is_now = os.stat(path)
    return is_now.st_ino, is_now.st_size, is_now.st_mtime_ns, is_now.st_ctime_ns


def _read(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_cache(cache: Path) -> dict[State, str]:
    """Read the cache. A file behind a damaged line is read again."""
    known: dict[State, str] = {}
    with contextlib.suppress(OSError):
        for line in cache.read_bytes().splitlines():
            with contextlib.suppress(ValueError, TypeError):
                inode, size, modified, changed, digest = json.loads(line)
                if isinstance(digest, str) and len(digest) == 64:
                    known[inode, size, modified, changed] = digest
    return known


def _add(cache: Path, new: dict[State, str]) -> None:
    """Append in one call, so that processes that share a cache do not mix their lines."""
    text = "".join(json.dumps([*state, digest]) + "\n" for state, digest in new.items())
    # Without permission to write, files are simply read again each time.
    with contextlib.suppress(OSError), open(cache, "ab", buffering=0) as file:
        file.write(text.encode())
