"""The settings that a sampling process gets when it starts."""

from dataclasses import dataclass
from pathlib import Path

from r1v3.recipe.schema.recipe import Images


@dataclass(frozen=True)
class Opening:
    """The engine to open, and how it computes.

    Attributes:
        start: folder of the checkpoint.
        images: how a picture becomes tiles.
        dtype: number format of the weights.
        device: the device that it computes on.
        threads: number of CPU threads; other numbers give other bits.
        exact: whether all choices that could change the last bits are fixed (`determinism: exact`).
    """

    start: Path
    images: Images
    dtype: str
    device: str
    threads: int
    exact: bool
