"""Draws pictures of two by two cells of 28 pixels. Each cell is a digit, a shape or a sign."""

import random
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from r1v3.data.world.digits import digit_instances
from r1v3.data.world.looks import Look

SIDE = 56
CELL = 28
COLOURS = {
    "red": (215, 40, 40),
    "green": (30, 150, 60),
    "blue": (40, 70, 215),
    "yellow": (240, 200, 30),
}
SHAPES = ("circle", "square", "triangle", "cross")
SIGNS = ("+", "max", "even", "?")
Cell = int | str | tuple[str, str]


def draw_cells(cells: Sequence[Cell], look: Look, split: str, rng: random.Random) -> Image.Image:
    """Draw four cells, row by row. A digit is an int, a sign a string, a shape (colour, shape)."""
    ink, paper = look.colours(rng)
    picture = np.empty((SIDE, SIDE, 3), dtype=np.float32)
    picture[:] = paper
    for place, cell in enumerate(cells):
        top, left = CELL * (place // 2), CELL * (place % 2)
        mask, colour = _cell_mask(cell, look, split, rng, ink)
        size = mask.shape[0]
        slack = CELL - size
        y = top + rng.randrange(slack + 1)
        x = left + rng.randrange(slack + 1)
        window = picture[y : y + size, x : x + size]
        window += mask[..., None] * (np.asarray(colour, dtype=np.float32) - window)
    if look.noise:
        picture += np.random.default_rng(rng.randrange(2**32)).normal(0, look.noise, picture.shape)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def _cell_mask(cell: Cell, look: Look, split: str, rng: random.Random, ink):
    """Return the coverage in [0, 1] of a square window, and its colour."""
    if isinstance(cell, int):
        instances = digit_instances(split)[cell]
        grey = (instances[rng.randrange(len(instances))] * 255).astype(np.uint8)
        size = min(CELL, look.size + rng.randrange(-1, 2))
        enlarged = Image.fromarray(grey).resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(enlarged, dtype=np.float32) / 255, ink
    size = 22
    canvas = Image.new("L", (size, size))
    if isinstance(cell, str):
        _draw_sign(ImageDraw.Draw(canvas), cell, size)
        return np.asarray(canvas, dtype=np.float32) / 255, ink
    colour, shape = cell
    _draw_shape(ImageDraw.Draw(canvas), shape, size)
    return np.asarray(canvas, dtype=np.float32) / 255, COLOURS[colour]


def _draw_shape(pen: ImageDraw.ImageDraw, shape: str, size: int) -> None:
    last = size - 2
    if shape == "circle":
        pen.ellipse((1, 1, last, last), fill=255)
    elif shape == "square":
        pen.rectangle((2, 2, last - 1, last - 1), fill=255)
    elif shape == "triangle":
        pen.polygon([(size // 2, 1), (last, last), (1, last)], fill=255)
    elif shape == "cross":
        pen.line((2, 2, last, last), fill=255, width=6)
        pen.line((2, last, last, 2), fill=255, width=6)
    else:
        raise ValueError(f"shape must be one of {', '.join(SHAPES)}, not {shape!r}")


def _draw_sign(pen: ImageDraw.ImageDraw, sign: str, size: int) -> None:
    middle, last = size // 2, size - 2
    if sign == "+":
        pen.line((middle, 2, middle, last), fill=255, width=3)
        pen.line((2, middle, last, middle), fill=255, width=3)
    elif sign == "max":
        pen.line((3, last - 4, middle, 4), fill=255, width=3)
        pen.line((middle, 4, last - 1, last - 4), fill=255, width=3)
    elif sign == "even":
        pen.line((3, 7, last - 1, 7), fill=255, width=3)
        pen.line((3, 14, last - 1, 14), fill=255, width=3)
    elif sign == "?":
        pen.rectangle((3, 3, last - 1, last - 1), outline=255, width=2)
    else:
        raise ValueError(f"sign must be one of {', '.join(SIGNS)}, not {sign!r}")
