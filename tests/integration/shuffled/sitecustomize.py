"""Lists files in random order, in every process that has this folder on its path."""

import os
import random
from collections.abc import Iterator

_draw = random.Random(int.from_bytes(os.urandom(8)))
_listdir, _scandir = os.listdir, os.scandir


def listdir(path=".") -> list:
    """List files as `os.listdir` does, in random order."""
    return _draw.sample(found := _listdir(path), len(found))


class scandir:
    """As `os.scandir`, in a random order."""

    def __init__(self, path="."):
        with _scandir(path) as entries:
            found = list(entries)
        self._entries = iter(_draw.sample(found, len(found)))

    def __iter__(self) -> Iterator[os.DirEntry]:
        return self

    def __next__(self) -> os.DirEntry:
        return next(self._entries)

    def __enter__(self) -> "scandir":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing, because nothing is open."""


os.listdir, os.scandir = listdir, scandir
