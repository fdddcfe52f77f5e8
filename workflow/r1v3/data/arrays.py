"""Arrays that stay on disk."""

from pathlib import Path

import numpy as np

COPIED = 1 << 22  # values at a time


def mapped(path: Path) -> np.ndarray:
    """An array that stays on disk; a plain view, because slicing numpy's own class for it is slow."""
    return np.load(path, mmap_mode="r").view(np.ndarray)


def as_npy(folder: Path, name: str, kind: type, shape: tuple[int, ...]) -> None:
    """Give a raw file NumPy's header, without holding it in memory."""
    target = np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=kind, shape=shape)
    if target.size:
        flat, raw = target.reshape(-1), np.memmap(folder / f"{name}.raw", dtype=kind, mode="r")
        for begin in range(0, len(flat), COPIED):
            flat[begin : begin + (COPIED)] = raw[begin : begin + (COPIED)]
    target.flush()
