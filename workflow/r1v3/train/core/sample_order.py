"""The order of the training samples: a new shuffle each epoch."""

import random


def order_of_step(count: int, step: int, size: int, seed: int) -> list[int]:
    """Return the indices of a step's samples. Within an epoch none is repeated or skipped.

    Args:
        count: number of all samples.
        step: from 0.
        size: number of samples of a step.
        seed: seed of the shuffles.
    """
    first, epoch = step * size, -1
    batch: list[int] = []
    order: list[int] = []
    for position in range(first, first + size):
        if position // count != epoch:
            epoch = position // count
            order = list(range(count))
            random.Random(f"{seed}/{epoch}").shuffle(order)
        batch.append(order[position % count])
    return batch
