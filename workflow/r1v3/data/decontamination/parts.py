"""Finds a drawing in its picture: without blank margins, and without lines of text above or below.

A copy on a larger sheet, or under a line of text, contains the drawing as a part. Rows and columns with the
grey of the picture's edge are blank. A photograph has none, so it has no parts.
"""

import numpy as np
from PIL import Image

PART_SIDE = 480  # longer side, in pixels to a factor of two, of the picture that is searched
BLANK = 24  # grey levels by which a pixel of a blank row may differ from the edge
MARGIN = 0.02  # share of a side; a smaller margin makes no part
GAP = 0.012  # share of the height that the blank rows of a gap need
REACH = 0.6  # share of the height: how far from the top or bottom a gap may begin
ABOVE, BELOW = 3, 2  # number of gaps from the top and from the bottom, the widest first
SMALLEST = 24  # smallest side of a part, in pixels

Box = tuple[int, int, int, int]


def part_boxes(image: Image.Image) -> tuple[Box | None, list[Box]]:
    """Return the box without margins (None if there are none) and other boxes: left, top, right, bottom."""
    grey = np.asarray(image.convert("L"), dtype=np.int16)
    ground = np.median(np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1])))
    drawn = np.abs(grey - ground) > BLANK
    box = _content(drawn, 0, len(drawn))
    if box is None:
        return None, []
    boxes: list[Box | None] = [box]
    left, top, right, bottom = box
    gaps = _gaps(drawn[top:bottom, left:right])
    height = bottom - top
    above = [gap for gap in gaps if gap[0] <= REACH * height]
    below = [gap for gap in gaps if gap[1] >= (1 - REACH) * height]
    for gap in _widest(above)[:ABOVE]:
        boxes.append(_content(drawn, top + gap[1], bottom))
    for gap in _widest(below)[:BELOW]:
        boxes.append(_content(drawn, top, top + gap[0]))
    found: list[Box] = []
    for each in boxes:
        if each is None or min(each[2] - each[0], each[3] - each[1]) < SMALLEST:
            continue
        if each not in found and not _is_whole(each, image.size):
            found.append(each)
    inner = box if box in found else None
    return inner, [each for each in found if each != box]


def _content(drawn: np.ndarray, top: int, bottom: int) -> Box | None:
    """Return the box around all drawn pixels between two rows; None if all are blank."""
    rows = np.flatnonzero(drawn[top:bottom].any(axis=1))
    if not len(rows):
        return None
    first, last = top + int(rows[0]), top + int(rows[-1]) + 1
    columns = np.flatnonzero(drawn[first:last].any(axis=0))
    return int(columns[0]), first, int(columns[-1]) + 1, last


def _gaps(drawn: np.ndarray) -> list[tuple[int, int]]:
    """Return each run of blank rows as its first row and the row after its last."""
    blank = np.concatenate(([False], ~drawn.any(axis=1), [False]))
    edges = np.flatnonzero(blank[1:] != blank[:-1])
    least = max(2, GAP * len(drawn))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2]) if b - a >= least]


def _widest(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted(gaps, key=lambda gap: gap[0] - gap[1])


def _is_whole(box: Box, size: tuple[int, int]) -> bool:
    width, height = size
    edges = (box[0] / width, box[1] / height, 1 - box[2] / width, 1 - box[3] / height)
    return max(edges) < MARGIN
