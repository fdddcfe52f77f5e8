"""Provides handwritten digits by instance split. No instance is in two splits."""

from functools import cache

import numpy as np

SPLITS = {"train": (0, 1000), "validation": (1000, 1200), "test": (1200, 1797)}
SHUFFLE_SEED = 20250708


@cache
def digit_instances(split: str) -> dict[int, np.ndarray]:
    """Return grey pictures by digit: arrays of shape (instances, 8, 8), ink in [0, 1].

    Raises:
        ValueError: the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"instances must be one of {', '.join(SPLITS)}, not {split!r}")
    from sklearn.datasets import load_digits

    pictures, labels = (np.asarray(part) for part in load_digits(return_X_y=True))
    order = np.random.default_rng(SHUFFLE_SEED).permutation(len(labels))
    chosen = order[slice(*SPLITS[split])]
    ink = pictures[chosen].reshape(-1, 8, 8) / 16.0
    return {digit: ink[labels[chosen] == digit] for digit in range(10)}
