"""Files and folders that are old or new, and never half, also after a loss of power."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Yield a path in the same folder to write; what is written there then replaces `path` at once.

    A reader sees the old file or the whole new one. After an error `path` is as it was, and the other file
    is removed. The folder is made if need be.

    Args:
        sync: wait for the disk. Without, for one of very many files, a loss of power may leave it empty.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        if sync:
            _sync(partial)  # else a loss of power may leave the new name with an empty file
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if sync:
        _sync(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it then replaces the folder `path`, its files being on the disk.

    A reader sees the old folder, none for a moment, or the whole new one. After an error `path` is as it was,
    and the other folder is removed. What a killed process left there is removed first.
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
    """Write text, as UTF-8, so that a reader sees the old file or the whole new one."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write bytes so that a reader sees the old file or the whole new one."""
    with atomic_write(path, sync=sync) as partial:
        partial.write_bytes(data)


def settle_file(path: Path) -> None:
    """Have a file that a library wrote on the disk, and readable by whom the umask allows.

    safetensors makes its files for their owner alone, so that a colleague could not read a finished run.
    """
    if path.is_file():
        umask = os.umask(0)
        os.umask(umask)
        path.chmod(0o666 & ~umask)
        _sync(path)


def sync_folder(path: Path) -> None:
    """Have a folder's list of names on the disk, after something in it was renamed."""
    _sync(path)


def _sync(path: Path) -> None:
    """Have a file's content, or a folder's list of names, on the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
