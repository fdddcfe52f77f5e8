"""Adapters of low rank on chosen layers, by peft (LoRA, Hu et al. 2021, arXiv 2106.09685).

The weight of an adapted layer does not change, and the adapter starts at zero. So at first an adapted model
equals the model that it was made from. There is no dropout, because RL needs the same probabilities when it
samples and when it learns.
"""

from collections.abc import Collection

import torch
from torch import nn

from r1v3.model.groups import grouped_parameters
from r1v3.model.stored_weights import ADAPTER, is_adapter
from r1v3.recipe.schema.training import Group, Lora


def adaptable_layers(model: nn.Module, group: Group) -> dict[str, nn.Linear]:
    """Return the linear layers of a module group by their full names, except the language model's head.

    The losses read the head's weight directly, so an adapter on it would have no effect.
    """
    owners = dict.fromkeys(
        name.rpartition(".")[0] for name, _ in grouped_parameters(model)[group] if "." in name
    )
    layers = {owner: model.get_submodule(owner) for owner in owners}
    return {
        name: layer
        for name, layer in layers.items()
        if isinstance(layer, nn.Linear) and name != "lm_head"
    }


def target_layers(model: nn.Module, lora: Lora, train: Collection[Group]) -> list[str]:
    """Return the full names of the layers that get an adapter: the targets of the groups that train.

    Raises:
        ValueError: a group has no linear layer with a name that the recipe gives.
    """
    chosen: list[str] = []
    for group, wanted in lora.targets.items():
        if group not in train:
            continue
        layers = list(adaptable_layers(model, group))
        known = {name.rpartition(".")[2] for name in layers}
        if unknown := sorted(set(wanted) - known):
            raise ValueError(
                f"lora.targets.{group}: {', '.join(unknown)} is no linear layer of this model; "
                f"allowed: {', '.join(sorted(known))}"
            )
        chosen += [name for name in layers if name.rpartition(".")[2] in wanted]
    return chosen


def add_adapters(model: nn.Module, lora: Lora, train: Collection[Group], *, seed: int) -> None:
    """Put adapters on the recipe's layers. Of a group with adapters, only these train.

    Args:
        train: groups that train; those without adapters train all their weights.
        seed: seed of A's initial values; B starts at zero.

    Raises:
        ValueError: a group has no linear layer with a name that the recipe gives.
    """
    from peft import LoraConfig, inject_adapter_in_model

    settings = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # peft declares an int, but it only divides by it
        lora_dropout=0.0,
        target_modules=target_layers(model, lora, train),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        inject_adapter_in_model(settings, model, adapter_name=ADAPTER)
    whole = set(train) - set(lora.targets)
    for group, parameters in grouped_parameters(model).items():
        for name, parameter in parameters:
            parameter.requires_grad_(is_adapter(name) or group in whole)
