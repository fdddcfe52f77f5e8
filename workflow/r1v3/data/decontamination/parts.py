"""Where a drawing lies in its picture: without blank margins, and without lines of text above or below.

A copy on a larger sheet, or under a line of text, has the drawing as a part. Rows and columns of the grey of
the picture's edge are blank; a photograph has none, and so no parts.
"""

import numpy as np
from PIL import Image

PART_SIDE = 480  # pixels of the longer side in which parts are looked for, within a factor of two
BLANK = 24  # grey levels by which a pixel of a blank row may differ from the edge
MARGIN = 0.02  # of a side: smaller margins are no reason for a part
GAP = 0.012  # of the height: blank rows of a gap
REACH = 0.6  # of the height: how far from the top, or from the bottom, a gap may begin
ABOVE, BELOW = 3, 2  # gaps from the top, and from the bottom, the widest first
SMALLEST = 24  # pixels of a part's sides

Box = tuple[int, int, int, int]


def part_boxes(image: Image.Image) -> tuple[Box | None, list[Box]]:
    """Left, top, right and bottom of all but a picture's margins, if it has any; and of its other parts."""
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
    """What is not blank between two rows."""
    rows = np.flatnonzero(drawn[top:bottom].any(axis=1))
    if not len(rows):
        return None
    first, last = top + int(rows[0]), top + int(rows[-1]) + 1
    columns = np.flatnonzero(drawn[first:last].any(axis=0))
    return int(columns[0]), first, int(columns[-1]) + 1, last


def _gaps(drawn: np.ndarray) -> list[tuple[int, int]]:
    """First row of each run of blank rows, and the row after its last."""
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
