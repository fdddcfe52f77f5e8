"""Module groups by model structure: vision tower, connector, language model (sections 5.2, 5.6).

Names are those of the HF-native InternVL and LLaVA, and of Qwen2.5-VL and Qwen3-VL. The connectors of Qwen-VL
are inside the vision tower: `merger`, and for Qwen3-VL another one for each tower layer whose features go
directly to the language model. Tied embeddings and the LM head belong to the language model.
"""

import hashlib
from collections.abc import Callable, Iterable

import torch
from torch import nn

from r1v3.model.stored_weights import StoredTensor, stored_tensors

GROUPS = {
    "vision_tower": ("model.vision_tower.", "model.visual."),
    "connector": (
        "model.multi_modal_projector.",
        "model.image_newline",
        "model.visual.merger.",
        "model.visual.deepstack_merger_list.",
    ),
    "llm": ("model.language_model.", "lm_head."),
}


def group_of(name: str) -> str:
    """Return the group of a parameter.

    Raises:
        ValueError: the name fits no group, so the model has an unknown structure.
    """
    fits = [
        (p, group) for group, prefixes in GROUPS.items() for p in prefixes if name.startswith(p)
    ]
    if fits:
        return max(fits, key=lambda fit: len(fit[0]))[1]
    raise ValueError(f"parameter {name!r} belongs to none of the groups {', '.join(GROUPS)}")


def grouped_parameters(model: nn.Module) -> dict[str, list[tuple[str, nn.Parameter]]]:
    """Return every parameter by group, in the model's order; a tied tensor occurs once."""
    groups: dict[str, list] = {group: [] for group in GROUPS}
    for name, parameter in model.named_parameters():
        groups[group_of(name)].append((name, parameter))
    return groups


def train_only(model: nn.Module, trained: Iterable[str]) -> None:
    """Freeze every group that is not named.

    Raises:
        ValueError: a name is no group, or nothing is left to train.
    """
    trained = set(trained)
    unknown = trained - set(GROUPS)
    if unknown or not trained:
        raise ValueError(f"train must name some of {', '.join(GROUPS)}, not {sorted(trained)}")
    for group, parameters in grouped_parameters(model).items():
        for _, parameter in parameters:
            parameter.requires_grad_(group in trained)


@torch.no_grad()
def zero_modules(model: nn.Module, groups: Iterable[str]) -> None:
    """Set the last linear layer of each group to zero, including its bias, so that the group outputs zeros.

    For Qwen3-VL's connector it is the last layer of each merger, because the mergers are parallel. Section
    5.2 trains with the connector "removed" and does not say how. Here the language model gets zero vectors as
    image tokens. The checkpoint keeps its structure, so every engine can open it.

    Raises:
        ValueError: the group has no linear layer.
    """
    for group in groups:
        names = [name for name, _ in grouped_parameters(model)[group]]
        owners = dict.fromkeys(name.rpartition(".")[0] for name in names)
        layers = [(owner, model.get_submodule(owner)) for owner in owners]
        linear = {_part(name): layer for name, layer in layers if isinstance(layer, nn.Linear)}
        if not linear:
            raise ValueError(f"{group} has no linear layer to set to zero")
        for layer in linear.values():
            for parameter in layer.parameters(recurse=False):
                parameter.zero_()


def _part(name: str) -> str:
    """Return the number of the merger that contains a module; empty for modules of unnumbered ones."""
    _, inside, rest = name.partition(".deepstack_merger_list.")
    return rest.partition(".")[0] if inside else ""


def group_hashes(
    model: nn.Module,
    *,
    groups: Iterable[str] = tuple(GROUPS),
    gather: Callable[[StoredTensor], torch.Tensor] = StoredTensor.merge,
) -> dict[str, str]:
    """Hash each group's tensors as a checkpoint stores them, with their names, in a fixed order (sha256).

    Args:
        gather: gathers a sharded tensor. Adapters are merged, except with `StoredTensor.base`.
    """
    hashes, named = {}, grouped_parameters(model)
    for group in groups:
        digest = hashlib.sha256()
        for stored in sorted(stored_tensors(model, named[group]), key=lambda each: each.name):
            digest.update(stored.name.encode())
            tensor = gather(stored).cpu().contiguous().flatten()
            digest.update(tensor.view(torch.uint8).numpy().tobytes())
        hashes[group] = digest.hexdigest()
    return hashes


def check_frozen(before: dict[str, str], after: dict[str, str], trained: Iterable[str]) -> None:
    """Stop if a frozen group changed or a trained one did not.

    Raises:
        RuntimeError: the message names the group.
    """
    for group in GROUPS:
        moved = before[group] != after[group]
        if moved and group not in trained:
            raise RuntimeError(f"{group} was to stay frozen, but its tensors changed")
        if not moved and group in trained:
            raise RuntimeError(f"{group} was to be trained, but its tensors did not change")


def check_base(before: dict[str, str], base: dict[str, str]) -> None:
    """Stop if the weights below adapters changed.

    Args:
        base: hash of each group that has adapters, without these.

    Raises:
        RuntimeError: the message names the group.
    """
    for group, digest in base.items():
        if before[group] != digest:
            raise RuntimeError(f"{group} has adapters, but the weights below them changed")


def group_norms(model: nn.Module) -> dict[str, float]:
    """Return the norm of the gradient of each group; 0 if a group has none."""
    norms = {}
    for group, parameters in grouped_parameters(model).items():
        grads = [p.grad for _, p in parameters if p.grad is not None]
        norms[group] = (
            float(torch.stack([g.float().norm() for g in grads]).norm()) if grads else 0.0
        )
    return norms
