"""Draws a set by shares: a number of samples of each kind, chosen by a seed.

A cell is a combination of values, such as (physics, mcq). Its share is the product of the values' shares. A
cell with too few samples gives all its samples. No other cell fills the gap, and the shortfall is reported.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from r1v3.recipe.schema.data import BalancedField


def quotas(
    shares: Mapping[BalancedField, Mapping[str, float]], size: int
) -> dict[tuple[str, ...], int]:
    """Return the number of samples of each cell; largest remainders make the numbers add up to `size`.

    Args:
        shares: weight of each value, by field. The weights need not add up to 1.
    """
    weights = {}
    for cell in product(*(values.items() for values in shares.values())):
        weights[tuple(name for name, _ in cell)] = float(np.prod([share for _, share in cell]))
    total = sum(weights.values())
    exact = {cell: size * weight / total for cell, weight in weights.items()}
    found = {cell: int(value) for cell, value in exact.items()}
    rest = sorted(exact, key=lambda cell: (found[cell] - exact[cell], cell))
    for cell in rest[: size - sum(found.values())]:
        found[cell] += 1
    return found


def draw_balanced(
    cells: Sequence[tuple[str, ...]],
    size: int,
    shares: Mapping[BalancedField, Mapping[str, float]] | None,
    seed: str,
) -> tuple[list[int], list[dict]]:
    """Choose samples and return them in their order.

    Args:
        cells: for each sample, its values of the fields in `shares`.
        shares: weights by field and value; None for `size` samples of any kind.

    Returns:
        Positions of the chosen samples, and a row for each cell with too few: cell, wanted, found.
    """
    rng = random.Random(seed)
    if shares is None:
        short = [] if len(cells) >= size else [{"cell": [], "wanted": size, "found": len(cells)}]
        return sorted(rng.sample(range(len(cells)), min(size, len(cells)))), short
    by_cell: dict[tuple[str, ...], list[int]] = {}
    for position, cell in enumerate(cells):
        by_cell.setdefault(tuple(cell), []).append(position)
    chosen, short = [], []
    for cell, wanted in quotas(shares, size).items():
        found = by_cell.get(cell, [])
        if len(found) < wanted:
            short.append({"cell": list(cell), "wanted": wanted, "found": len(found)})
        chosen += rng.sample(found, min(wanted, len(found)))
    return sorted(chosen), short
