"""Memory of the training device."""

import gc

import torch

from r1v3.base.memory import peak_rss
from r1v3.train.core.engine import TrainingEngine


def free_device_memory(engine: TrainingEngine) -> None:
    """Free accelerator memory that the trainer does not use. All ranks call this together.

    torch keeps freed memory in a cache, and no other process can use it until the cache is emptied. When this
    returns, every rank has emptied its cache, so an engine on all of their devices may wake up.
    """
    engine.free()
    empty_cache()
    engine.ranks.wait()


def empty_cache() -> None:
    """Return the memory in torch's cache to the device."""
    if torch.cuda.is_available():
        gc.collect()  # a traceback or a closure may still refer to a pass
        torch.cuda.empty_cache()


def peak_memory() -> int:
    """Return the most bytes that this process has used: on its GPU if it has one, else in memory."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return peak_rss()
