"""Memory of the device that trains."""

import torch

from r1v3.base.memory import peak_rss


def peak_memory() -> int:
    """Most bytes that this process has used at once: on its GPU if it has one, else in memory."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return peak_rss()
