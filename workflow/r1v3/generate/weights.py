"""The weights that an engine takes from a trainer, in all their forms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:  # an engine behind a server needs no torch
    from torch import Tensor

# A checkpoint folder, a state dict, or pairs of name and tensor, with the trainer's names (HF-native).
Weights: TypeAlias = "Path | Mapping[str, Tensor] | Iterable[tuple[str, Tensor]]"


def named_weights(weights: Weights) -> Iterator[tuple[str, Tensor]]:
    """Yield each tensor with its name. A folder is read one tensor at a time."""
    if isinstance(weights, Path):
        return _read(weights)
    if isinstance(weights, Mapping):
        return iter(cast("Mapping[str, Tensor]", weights).items())
    return iter(weights)


def _read(folder: Path) -> Iterator[tuple[str, Tensor]]:
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118
                yield name, file.get_tensor(name)
