"""Reads and writes NumPy arrays that stay on disk."""

from pathlib import Path

import numpy as np

COPIED = 1 << 22  # number of values copied at a time


def mapped(path: Path) -> np.ndarray:
    """Map an array from disk as a plain array, because slices of numpy's memmap class are slow."""
    return np.load(path, mmap_mode="r").view(np.ndarray)


def as_npy(folder: Path, name: str, kind: type, shape: tuple[int, ...]) -> None:
    """Convert a raw file into NumPy's format without loading it into memory."""
    target = np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=kind, shape=shape)
    if target.size:
        flat, raw = target.reshape(-1), np.memmap(folder / f"{name}.raw", dtype=kind, mode="r")
        for begin in range(0, len(flat), COPIED):
            flat[begin : begin + (COPIED)] = raw[begin : begin + (COPIED)]
    target.flush()
