"""The order in which samples are shown: a fresh shuffle each epoch."""

import random


def order_of_step(count: int, step: int, size: int, seed: int) -> list[int]:
    """Numbers of a step's samples; within an epoch none is repeated or skipped.

    Args:
        count: number of all samples.
        step: from 0.
        size: samples of a step.
        seed: of the shuffles.
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
