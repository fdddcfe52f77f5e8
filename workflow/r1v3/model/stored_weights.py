"""A model's tensors as its checkpoint stores them. If a layer has a LoRA adapter, the two are merged.

peft stores the weight W of an adapted layer as `base_layer`, beside the adapter's A and B (Hu et al. 2021,
arXiv 2106.09685). The checkpoint has W + (alpha / rank) B A under W's own name, so every engine can open it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

ADAPTER = "default"
_BASE = ".base_layer."
_PARTS = (".lora_A.", ".lora_B.")


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of the checkpoint, and the tensors that it is made of.

    Attributes:
        name: name in the checkpoint.
        parts: the tensor itself; for an adapted layer also A (rank x in) and B (out x rank).
        scale: alpha / rank.
    """

    name: str
    parts: tuple[torch.Tensor, ...]
    scale: float = 1.0

    @torch.no_grad()
    def merge(self) -> torch.Tensor:
        """Return the stored tensor: summed in 32 bits, then rounded once to the weight's own precision."""
        if len(self.parts) == 1:
            return self.parts[0].detach()
        base, a, b = self.parts
        return (base.float() + self.scale * (b.float() @ a.float())).to(base.dtype)

    def base(self) -> torch.Tensor:
        """Return the tensor without its adapter."""
        return self.parts[0].detach()


def is_adapter(name: str) -> bool:
    """Return whether the parameter with this name is part of an adapter."""
    return any(part in name for part in _PARTS)


def has_adapters(model: nn.Module) -> bool:
    """Return whether some layer of the model has an adapter."""
    return any(is_adapter(name) for name, _ in model.named_parameters())


def stored_tensors(
    model: nn.Module, named: Iterable[tuple[str, torch.Tensor]]
) -> Iterator[StoredTensor]:
    """Yield the checkpoint's tensors for these tensors of a model, in their order.

    Args:
        named: names and tensors of the model, as in `named_parameters` or `state_dict`.
    """
    for name, tensor in named:
        if is_adapter(name):
            continue
        stored = name.replace(_BASE, ".")
        if not name.endswith(f"{_BASE}weight"):
            yield StoredTensor(stored, (tensor,))
            continue
        layer = model.get_submodule(name.removesuffix(f"{_BASE}weight"))
        a, b = (getattr(layer, part)[ADAPTER].weight for part in ("lora_A", "lora_B"))
        yield StoredTensor(stored, (tensor, a, b), layer.scaling[ADAPTER])  # type: ignore[index]
