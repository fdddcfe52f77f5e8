"""Writes files and folders atomically: a reader never sees half of one, even after a power failure."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Yield a path in the same folder to write to. The written file then replaces `path` at once.

    A reader sees the old file or the complete new one. After an error `path` is unchanged, and the new file
    is removed. The folder is made if necessary.

    Args:
        sync: whether to wait for the disk. If not, as for one of very many files, a power failure may leave
            an empty file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        if sync:
            _sync(partial)  # otherwise a power failure may leave the new name with an empty file
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if sync:
        _sync(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill. When its files are on the disk, it replaces the folder `path`.

    A reader sees the old folder, none for a moment, or the complete new one. After an error `path` is
    unchanged, and the new folder is removed. A folder that a killed process left is removed first.
    """
    path = Path(path)
    partial = path.with_name(f"{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        for file in sorted(partial.rglob("*")):
            settle_file(file)
        if path.exists():
            shutil.rmtree(path)
        partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, so that a reader sees the old file or the complete new one."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write bytes, so that a reader sees the old file or the complete new one."""
    with atomic_write(path, sync=sync) as partial:
        partial.write_bytes(data)


def settle_file(path: Path) -> None:
    """Put a file that a library wrote on the disk, and make it readable as the umask allows.

    safetensors makes files that only their owner can read, so a colleague could not read a finished run.
    """
    if path.is_file():
        umask = os.umask(0)
        os.umask(umask)
        path.chmod(0o666 & ~umask)
        _sync(path)


def sync_folder(path: Path) -> None:
    """Put a folder's list of names on the disk, after something in it was renamed."""
    _sync(path)


def _sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
