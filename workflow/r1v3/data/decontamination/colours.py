"""Compares the colours of two pictures that agree in grey. Pattern puzzles may differ only in colours.

A picture that lost its colours, faded or got an overall tint counts as the same. It counts as another picture
if white and grey are unchanged but coloured areas have other colours. So a copy with shifted hues counts as
another picture.
"""

import numpy as np
from PIL import Image

COARSE = 24  # side of the picture in which colours are compared, in pixels
GREY = 10.0  # strength below which a pixel has no colour, in levels of 255
COLOURED = 25.0
UNLIKE = 0.3  # distance of two colours divided by the sum of their strengths
ODD = 0.12  # the same for aligned pictures: most colours agree to within ALIGNED
ALIGNED = 0.02
MOST_UNLIKE = 0.08  # share of the coloured pixels
FEW = 4  # fewer coloured pixels than this decide nothing


def small_colours(image: Image.Image) -> np.ndarray:
    """Return a small picture in colour, uint8 of shape (COARSE, COARSE, 3)."""
    rgb = image.convert("RGB") if image.mode != "RGB" else image
    small = rgb.resize((COARSE, COARSE), Image.Resampling.BOX, reducing_gap=3.0)
    return np.asarray(small)


def colours_agree(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two aligned pictures may be the same by their colours.

    Args:
        one, other: values in [0, 255] of shape (COARSE, COARSE, 3).
    """
    chroma = [each - each.mean(axis=2, keepdims=True) for each in (one, other)]
    strength = [np.linalg.norm(each, axis=2) for each in chroma]
    if min(np.quantile(each, 0.98) for each in strength) < COLOURED:
        return True  # one of them has almost no colours
    weaker, stronger = np.minimum(strength[0], strength[1]), np.maximum(strength[0], strength[1])
    if (grey := weaker < GREY).any() and np.median(stronger[grey]) > GREY:
        return True  # one of them has an overall tint
    (first, second), (strong, others) = chroma, strength
    return _found_again(first, second, strong) and _found_again(second, first, others)


def _found_again(chroma: np.ndarray, other: np.ndarray, strength: np.ndarray) -> bool:
    """Return whether the other picture has each colour of this one at the same pixel or next to it."""
    coloured = strength > COLOURED
    if coloured.sum() < FEW:
        return True
    wide = np.pad(other, ((1, 1), (1, 1), (0, 0)))
    apart = np.full(strength.shape, np.inf)
    for down in range(3):
        for right in range(3):
            moved = wide[down : down + COARSE, right : right + COARSE]
            sizes = np.maximum(strength + np.linalg.norm(moved, axis=2), 1e-6)
            apart = np.minimum(apart, np.linalg.norm(chroma - moved, axis=2) / sizes)
    apart = apart[coloured]
    most = ODD if np.median(apart) < ALIGNED else UNLIKE
    return float((apart > most).mean()) <= MOST_UNLIKE
