"""Spreads the layers of a model that is too large for one accelerator over several, for forward passes only.

The first device has embeddings, vision tower and connector, and the last one has the head. Each block moves
its inputs to its own device.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from r1v3.model.families import family_of


def spread(model: PreTrainedModel, devices: Sequence[torch.device], room: Sequence[float]) -> None:
    """Move the model's blocks to the devices, in order, with about the same number of bytes on each.

    Args:
        room: bytes that each device has for weights.

    Raises:
        ValueError: the part of a device does not fit. Nothing was moved.
    """
    blocks = _blocks(model)
    sizes = [sum(_bytes(module) for module in block) for block in blocks]
    places = places_of(sizes, len(devices))
    for number, most in enumerate(room):
        part = sum(size for size, place in zip(sizes, places) if place == number)
        if part > most:
            raise ValueError(
                f"{part / 1e9:.1f} GB of weights do not fit on {devices[number]} with {most / 1e9:.1f}"
            )
    if model.lm_head.weight is model.get_input_embeddings().weight:
        places[-1] = places[0]  # a tied tensor must be on one device
    for block, place in zip(blocks, places):
        for module in block:
            module.to(devices[place])
            module.register_forward_pre_hook(_mover(devices[place]), with_kwargs=True)


def places_of(sizes: Sequence[float], count: int) -> list[int]:
    """Return the device index of each block. Blocks stay in order, and devices get equal shares."""
    total, before = sum(sizes), 0.0
    places: list[int] = []
    for size in sizes:
        places.append(min(count - 1, int(count * (before + size / 2) / total)))
        before += size
    return places


def _blocks(model: PreTrainedModel) -> list[list[nn.Module]]:
    text = model.model.language_model
    first = [*family_of(model.config).seeing(model), text.embed_tokens, text.rotary_emb]
    return [first, *([layer] for layer in text.layers), [text.norm, model.lm_head]]


def _bytes(module: nn.Module) -> int:
    return sum(p.nbytes for p in module.parameters())


def _mover(device: torch.device):
    def move(_: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return _moved(inputs, device), _moved(named, device)

    return move


def _moved(value: Any, device: torch.device) -> Any:
    """Return the value with every tensor in it moved to a device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, tuple | list):
        return type(value)(_moved(each, device) for each in value)
    if isinstance(value, dict):
        return {key: _moved(each, device) for key, each in value.items()}
    return value
