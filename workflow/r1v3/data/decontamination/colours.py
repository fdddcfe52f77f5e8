"""Whether two pictures that agree in grey agree in colour: puzzles of a pattern differ in colours alone.

A picture may lose its colours, fade, or take one tint as a whole, and still be the same. It is another one
where white and grey stay as they are and what is coloured has other colours. So a copy whose hues were all
turned counts as another picture.
"""

import numpy as np
from PIL import Image

COARSE = 24  # side of a picture in which colours are compared
GREY = 10.0  # levels of 255: a colour below this is none
COLOURED = 25.0
UNLIKE = 0.3  # distance of two colours by the sum of their strengths
ODD = 0.12  # the same where most colours agree to within ALIGNED, as no crop or turn lets them
ALIGNED = 0.02
MOST_UNLIKE = 0.08  # share of what is coloured
FEW = 4  # places below which nothing is said


def small_colours(image: Image.Image) -> np.ndarray:
    """A picture in colour, uint8 of shape (COARSE, COARSE, 3)."""
    rgb = image.convert("RGB") if image.mode != "RGB" else image
    small = rgb.resize((COARSE, COARSE), Image.Resampling.BOX, reducing_gap=3.0)
    return np.asarray(small)


def colours_agree(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two aligned pictures may be one by their colours.

    Args:
        one, other: values in [0, 255] of shape (COARSE, COARSE, 3).
    """
    chroma = [each - each.mean(axis=2, keepdims=True) for each in (one, other)]
    strength = [np.linalg.norm(each, axis=2) for each in chroma]
    if min(np.quantile(each, 0.98) for each in strength) < COLOURED:
        return True  # one of them has no colours to speak of
    weaker, stronger = np.minimum(strength[0], strength[1]), np.maximum(strength[0], strength[1])
    if (grey := weaker < GREY).any() and np.median(stronger[grey]) > GREY:
        return True  # one of them has a tint as a whole
    (first, second), (strong, others) = chroma, strength
    return _found_again(first, second, strong) and _found_again(second, first, others)


def _found_again(chroma: np.ndarray, other: np.ndarray, strength: np.ndarray) -> bool:
    """Whether the colours of one picture stand in the other, each at its place or beside it."""
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
