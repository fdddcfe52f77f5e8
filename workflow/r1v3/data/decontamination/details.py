"""Compares the details of two pictures that look similar from afar: letters, digits, thin lines.

On a thumbnail all pages of text are grey stripes, and two puzzle grids may differ in one digit. So candidates
are compared again at a resolution at which letters differ. Slow changes of brightness are removed first. The
comparison is block by block, and each block is matched where it fits best nearby, because resampling and
small turns move the parts of a picture unequally.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

DETAIL = 192  # side of the picture in which details are compared, in pixels
BLOCK = 16  # side of a block, in pixels
REACH = 3  # largest shift of a block, in pixels
SMOOTH, SLOW = 1, 6  # radii of two blurs, in pixels; only details between them count
FLAT = 0.25  # share of a picture's spread; a block with less has no details


def detail(image: Image.Image) -> np.ndarray:
    """Return a picture in grey, uint8 of shape (DETAIL, DETAIL)."""
    grey = image.convert("L") if image.mode != "L" else image
    return np.asarray(grey.resize((DETAIL, DETAIL), Image.Resampling.BOX, reducing_gap=3.0))


@dataclass(frozen=True)
class BlockAgreement:
    """Agreement of the blocks of two pictures.

    Attributes:
        every: best correlation within REACH of each block that has details in either picture, in [-1, 1].
        both: the same for blocks that have details in both pictures. It ignores what only one of them shows.
    """

    every: np.ndarray
    both: np.ndarray


def block_agreement(one: np.ndarray, other: np.ndarray) -> BlockAgreement:
    """Correlate each block that has details with the other picture near the same place.

    Args:
        one, other: grey values of shape (DETAIL, DETAIL), aligned except for some pixels.
    """
    first, second = _details(one), _details(other)
    wide = np.pad(second, REACH)
    power = _blocks(first * first)
    best = np.full(power.shape, -1.0)
    most = np.zeros(power.shape)
    for down in range(2 * REACH + 1):
        for right in range(2 * REACH + 1):
            moved = wide[down : down + DETAIL, right : right + DETAIL]
            theirs = _blocks(moved * moved)
            found = _blocks(first * moved) / np.sqrt(np.maximum(power * theirs, 1e-6))
            best = np.maximum(best, found)
            if down == right == REACH:
                most = theirs
    least = (FLAT**2) * BLOCK * BLOCK
    return BlockAgreement(
        best[np.maximum(power, most) >= least], best[np.minimum(power, most) >= least]
    )


def _details(grey: np.ndarray) -> np.ndarray:
    """Return grey values without slow changes, slightly blurred, with a standard deviation of 1."""
    values = grey.astype(np.float32)
    fine = _blurred(values, SMOOTH) - _blurred(values, SLOW)
    return fine / (fine.std() + 1e-3)


def _blurred(values: np.ndarray, radius: int) -> np.ndarray:
    matrix = _box(len(values), radius)
    return matrix @ values @ matrix.T


@cache
def _box(size: int, radius: int) -> np.ndarray:
    place = np.arange(size)
    near = np.abs(place[:, None] - place) <= radius
    return (near / near.sum(axis=1, keepdims=True)).astype(np.float32)


def _blocks(values: np.ndarray) -> np.ndarray:
    """Return the sums over blocks."""
    many = DETAIL // BLOCK
    return values.reshape(many, BLOCK, many, BLOCK).sum(axis=(1, 3))
