"""Memory of the device that trains."""

import gc

import torch

from r1v3.base.memory import peak_rss
from r1v3.train.core.engine import TrainingEngine


def give_back(engine: TrainingEngine) -> None:
    """Give the accelerators' memory that the trainer does not hold to others; all ranks together.

    What torch has freed it keeps for itself, and no other process can map it until its cache is emptied.
    On return every rank has done so, so an engine over all of them may wake.
    """
    engine.free()
    empty_cache()
    engine.ranks.wait()


def empty_cache() -> None:
    """Return what torch keeps for later to the device."""
    if torch.cuda.is_available():
        gc.collect()  # a traceback or a closure may still hold a pass
        torch.cuda.empty_cache()


def peak_memory() -> int:
    """Most bytes that this process has used at once: on its GPU if it has one, else in memory."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return peak_rss()
