"""Finds pictures that look the same, by a perceptual hash that survives resizing, compression and crops.

The hash is the sign pattern of the lowest 63 frequencies of a grey thumbnail (Zauner 2010, "pHash").
Trimming, resampling and the cosine transform are linear and separate in rows and columns. So two small matrix
products give the hashes of all 81 trimmed versions of a picture (none, 5 or 10 % off each side). Candidates
of the hashes are then compared pixel by pixel at the best trim. Hashes find candidates, and the correlation
decides.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from r1v3.data.decontamination.colours import COARSE, colours_agree, small_colours
from r1v3.data.decontamination.details import DETAIL, BlockAgreement, block_agreement, detail
from r1v3.data.decontamination.parts import PART_SIDE, part_boxes

SIDE = 64  # side of the stored thumbnail, in pixels
SMALL = 32  # side of the compared picture, in pixels
LOW = 8  # number of frequencies in each direction
TRIMS = (0.0, 0.05, 0.10)
PAIRS = [(before, after) for before in TRIMS for after in TRIMS]  # off both ends of a direction
FLATTEST = 3.0  # standard deviation in grey levels; a picture below it has nothing to recognise
VARIANTS = len(PAIRS) ** 2
WHOLE = 0  # the variant without trims
UNLIKE = 0.3  # correlation at the hash's trim below which no better trim is searched for
TURNS = (-5.0, -2.5, 2.5, 5.0)  # degrees; blocks of details may move by one more
# Degrees by which a turned picture is turned further if it nearly fits.
FINER = (-1.0, -0.5, 0.5, 1.0)
HOPELESS = 0.6  # correlation on the coarse grid below which no fine grid is tried


def thumbnail(image: Image.Image) -> np.ndarray | None:
    """Return a grey thumbnail, uint8 of shape (SIDE, SIDE); None if the picture is almost blank."""
    grey = image.convert("L") if image.mode != "L" else image
    small = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0))
    return None if small.std() < FLATTEST else small


@dataclass(frozen=True)
class PictureHash:
    """The look of a picture from afar and nearby: its thumbnail, and `details.detail`.

    `aspect` is its width divided by its height, which both have lost. `colour` is `colours.small_colours`,
    None if unknown. `inner` is the hash of the picture without its margins, if it has any. `parts` are hashes
    without lines above or below, if these were requested. `turned` is true for a picture that was turned.
    """

    thumb: np.ndarray
    detail: np.ndarray
    aspect: float = 1.0
    colour: np.ndarray | None = None
    inner: "PictureHash | None" = None
    parts: tuple["PictureHash", ...] = ()
    turned: bool = False


def picture_hash(image: Image.Image, *, cut: bool = False) -> PictureHash | None:
    """Compute the hash of a picture; None if it is almost blank.

    Args:
        cut: whether its parts are hashed too.
    """
    grey = image.convert("L") if image.mode != "L" else image
    thumb = thumbnail(grey)
    if thumb is None:
        return None
    inner, parts = None, ()
    if cut:
        small = image.reduce(max(1, max(image.size) // PART_SIDE))
        box, boxes = part_boxes(small)
        inner = picture_hash(small.crop(box)) if box else None
        found = (picture_hash(small.crop(each)) for each in boxes)
        parts = tuple(each for each in found if each is not None)
    aspect, colour = image.width / image.height, small_colours(image)
    return PictureHash(thumb, detail(grey), aspect, colour, inner, parts)


def turned_looks(seen: PictureHash) -> list[PictureHash]:
    """Return the hashes of the picture's negative, and of the picture turned by each of TURNS."""
    colour = None if seen.colour is None else 255 - seen.colour
    negative = PictureHash(255 - seen.thumb, 255 - seen.detail, seen.aspect, colour)
    return [negative, *(turned(seen, degrees) for degrees in TURNS)]


def turned(seen: PictureHash, degrees: float) -> PictureHash:
    """Turn a picture's hash about its centre, with white in the new corners."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)

    def turn(values: np.ndarray) -> np.ndarray:
        middle = len(values) / 2
        matrix = np.array([[cos, -sin / seen.aspect], [sin * seen.aspect, cos]])
        (a, b), (d, e) = matrix
        c, f = middle - matrix @ (middle, middle)
        image = Image.fromarray(values).transform(
            values.shape,
            Image.Transform.AFFINE,
            (a, b, c, d, e, f),
            Image.Resampling.BILINEAR,
            fillcolor=255,
        )
        return np.asarray(image)

    colour = seen.colour
    if colour is not None:
        colour = np.stack([turn(colour[:, :, band]) for band in range(3)], axis=2)
    return PictureHash(turn(seen.thumb), turn(seen.detail), seen.aspect, colour, turned=True)


def hashes(thumb: np.ndarray, *, trims: bool = True) -> np.ndarray:
    """Return the hashes of a thumbnail with all trims of PAIRS x PAIRS; uint64 of shape (VARIANTS,).

    Variant `9 * i + j` is trimmed by PAIRS[i] above and below, and by PAIRS[j] left and right.

    Args:
        trims: False for only the hash of the whole thumbnail, of shape (1,).
    """
    ways = len(PAIRS) if trims else 1
    rows = _low_frequencies()[: ways * LOW]
    found = rows @ thumb.astype(np.float32) @ rows.T
    blocks = found.reshape(ways, LOW, ways, LOW).transpose(0, 2, 1, 3).reshape(-1, LOW * LOW)
    low = blocks[:, 1:]  # without the mean brightness
    middle = low.shape[1] // 2
    bits = np.zeros(blocks.shape, dtype=bool)
    bits[:, 1:] = low > np.partition(low, middle, axis=1)[:, middle : middle + 1]
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()


def likeness(
    one: np.ndarray, other: np.ndarray, variant: int
) -> tuple[float, tuple[float, float, float, float]]:
    """Return how well `other`, trimmed roughly as the variant says, agrees with the whole of `one`.

    The best trim is searched for nearby, first on a coarser grid, where thin lines still overlap.

    Returns:
        The correlation of their grey values at the best trim, in [-1, 1], and that trim: the shares cut off
        at the top, bottom, left and right.
    """
    (top, bottom), (left, right) = PAIRS[variant // len(PAIRS)], PAIRS[variant % len(PAIRS)]
    trims = (top, bottom, left, right)
    one, other = one.astype(np.float32), other.astype(np.float32)
    if _score(_standard(_trimmed(one, (0.0,) * 4, SMALL // 2)), other, trims, SMALL // 2) < UNLIKE:
        return 0.0, trims
    best = 0.0
    for size, step in ((SMALL // 2, 0.025), (SMALL, 0.0125), (SMALL, 0.00625)):
        wanted = _standard(_trimmed(one, (0.0,) * 4, size))
        trims, best = _climb(wanted, other, trims, size, step)
        if best < HOPELESS:
            break
    return best, trims


def same_colours(
    one: PictureHash, other: PictureHash, trims: tuple[float, float, float, float]
) -> bool:
    """Return whether `other`, trimmed, has the colours of `one`; True if colours are unknown."""
    if one.colour is None or other.colour is None:
        return True
    top, bottom, left, right = trims
    rows, columns = (_resampling(*pair, COARSE, COARSE) for pair in ((top, bottom), (left, right)))
    trimmed = np.einsum("ij,jkc,lk->ilc", rows, other.colour.astype(np.float32), columns)
    return colours_agree(one.colour.astype(np.float32), trimmed)


def same_details(
    one: PictureHash,
    other: PictureHash,
    trims: tuple[float, float, float, float],
    *,
    back: bool = False,
) -> BlockAgreement:
    """Return the agreement of the details of `other`, trimmed, with those of `one`, block by block.

    Args:
        back: whether blocks of the trimmed picture are searched for in `one`, instead of the reverse.
    """
    top, bottom, left, right = trims
    rows = _resampling(top, bottom, DETAIL, DETAIL)
    columns = _resampling(left, right, DETAIL, DETAIL)
    trimmed = rows @ other.detail.astype(np.float32) @ columns.T
    return block_agreement(trimmed, one.detail) if back else block_agreement(one.detail, trimmed)


def _climb(wanted: np.ndarray, other: np.ndarray, trims: tuple, size: int, step: float) -> tuple:
    """Change the trim of one side at a time, as long as the correlation grows."""
    best, better = _score(wanted, other, trims, size), True
    while better:
        better = False
        for side in range(4):
            for change in (-step, step):
                moved = round(min(0.15, max(0.0, trims[side] + change)), 5)
                tried = (*trims[:side], moved, *trims[side + 1 :])
                if tried != trims and (found := _score(wanted, other, tried, size)) > best + 1e-4:
                    best, trims, better = found, tried, True
    return trims, best


def _score(wanted: np.ndarray, other: np.ndarray, trims: tuple, size: int) -> float:
    return float(np.vdot(wanted, _standard(_trimmed(other, trims, size))) / wanted.size)


def _trimmed(thumb: np.ndarray, trims: tuple, size: int) -> np.ndarray:
    top, bottom, left, right = trims
    return _resampling(top, bottom, size) @ thumb @ _resampling(left, right, size).T


def _standard(values: np.ndarray) -> np.ndarray:
    values = values - values.mean()
    return values / (np.sqrt(np.vdot(values, values) / values.size) + 1e-6)


@cache
def _resampling(before: float, after: float, size: int, side: int = SIDE) -> np.ndarray:
    """Return a matrix of shape (size, side) that averages equal stretches of the trimmed rest."""
    edges = np.linspace(before * side, side - after * side, size + 1)
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = overlap.clip(0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


@cache
def _low_frequencies() -> np.ndarray:
    """Return the first LOW rows of a cosine transform for each pair of trims; shape (9 * LOW, SIDE)."""
    place = (np.arange(SMALL) + 0.5) * np.pi / SMALL
    cosine = np.cos(np.arange(LOW)[:, None] * place).astype(np.float32)
    return np.concatenate([cosine @ _resampling(*pair, SMALL) for pair in PAIRS])
