"""Whether two pictures that look alike from afar agree in their details: letters, digits, thin lines.

A page of text is grey stripes on a thumbnail, and so is every other page; grids of a puzzle differ in one
digit. So candidates are compared once more at a resolution at which letters differ: without slow changes of
brightness, block by block, each block where it fits best nearby, since resampling and small turns move the
parts of a picture unequally.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

DETAIL = 192  # side of a picture in which details are compared
BLOCK = 16  # side of a block
REACH = 3  # pixels by which a block may have moved
SMOOTH, SLOW = 1, 6  # radii of the blurs below and above which nothing counts
FLAT = 0.25  # of a picture's spread: a block below it has no details


def detail(image: Image.Image) -> np.ndarray:
    """A picture in grey, uint8 of shape (DETAIL, DETAIL)."""
    grey = image.convert("L") if image.mode != "L" else image
    return np.asarray(grey.resize((DETAIL, DETAIL), Image.Resampling.BOX, reducing_gap=3.0))


@dataclass(frozen=True)
class BlockAgreement:
    """How well the blocks of two pictures agree.

    Attributes:
        every: the best correlation within REACH of each block with details in either, in [-1, 1].
        both: those of blocks with details in both, so without what stands in one of them alone.
    """

    every: np.ndarray
    both: np.ndarray


def block_agreement(one: np.ndarray, other: np.ndarray) -> BlockAgreement:
    """How well each block that holds details agrees with the other picture near its place.

    Args:
        one, other: grey values of shape (DETAIL, DETAIL), aligned but for some pixels.
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
    """Grey values without what changes slowly, slightly blurred, with a spread of 1."""
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
    """Sums over blocks."""
    many = DETAIL // BLOCK
    return values.reshape(many, BLOCK, many, BLOCK).sum(axis=(1, 3))
