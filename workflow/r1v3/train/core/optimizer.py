"""The optimizer and its learning-rate schedule, as the recipe's `optimizer` section says.

The report names no optimizer, so AdamW is assumed. Muon orthogonalises the update of every hidden matrix. It
learns the tiny world from scratch with half the samples. AdamW then updates all other parameters.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from r1v3.recipe.schema.training import Optimizer
from r1v3.train.core.ranks import ALONE, Ranks
from r1v3.train.core.shared_muon import SharedMuon

Masters = list[tuple[torch.Tensor, torch.Tensor]]

NOT_HIDDEN = ("embed_tokens", "lm_head", "embeddings.")
AT_ONCE = 2**28  # number of elements that have gradients in 32 bits at the same time: 1 GiB


class Optimizers:
    """One or two optimizers that step together, at one learning rate.

    Args:
        masters: each 16-bit parameter with a 32-bit copy, which is updated instead. At a rate of 1e-5 most
            updates are smaller than the gap between neighbouring bfloat16 numbers.
    """

    def __init__(self, parts: list[torch.optim.Optimizer], masters: Masters | None = None):
        self.parts, self.masters = parts, masters or []

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)
        for parameter, _ in self.masters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float, at_once: int = AT_ONCE) -> None:
        """Update the parameters at a learning rate.

        16-bit parameters are updated `at_once` elements at a time. Each 16-bit gradient is dropped when its
        32-bit copy has been made, so no gradient exists twice.
        """
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate
        if not self.masters:
            self._step()
        for some in _portions(self.masters, at_once):
            for parameter, master in some:
                if parameter.grad is not None:
                    master.grad, parameter.grad = parameter.grad.float(), None
            self._step()
            for (
                part
            ) in self.parts:  # also clears parameters without a copy, which have been updated
                part.zero_grad(set_to_none=True)
            for parameter, master in some:
                parameter.copy_(master)

    def _step(self) -> None:
        for part in self.parts:
            part.step()

    def state_dict(self) -> list[Any]:
        """Return the state that a resumed run needs."""
        states = [part.state_dict() for part in self.parts]
        return [*states, [master for _, master in self.masters]] if self.masters else states

    @torch.no_grad()
    def load_state_dict(self, states: list[Any]) -> None:
        """Restore the state that `state_dict` returned."""
        if self.masters:
            *states, masters = states
            for (_, master), saved in zip(self.masters, masters, strict=True):
                master.copy_(saved)
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def _portions(masters: Masters, at_once: int) -> Iterator[Masters]:
    """Yield neighbouring pairs with at most `at_once` elements in total; a larger pair comes alone."""
    some: Masters = []
    elements = 0
    for pair in masters:
        if some and elements + pair[1].numel() > at_once:
            yield some
            some, elements = [], 0
        some.append(pair)
        elements += pair[1].numel()
    if some:
        yield some


def build_optimizer(model: nn.Module, settings: Optimizer, ranks: Ranks = ALONE) -> Optimizers:
    """Build the optimizers of the parameters that train. Vectors have no weight decay.

    Args:
        ranks: the ranks that divide Muon's work; each of them holds the whole model.
    """
    trained: list[tuple[str, torch.Tensor]] = [
        (name, p) for name, p in model.named_parameters() if p.requires_grad
    ]
    masters = [(p, p.detach().float().requires_grad_()) for _, p in trained if p.itemsize == 2]
    if masters:
        stepped = dict(masters)
        trained = [(name, stepped.get(p, p)) for name, p in trained]
    if settings.algorithm == "adamw":
        return Optimizers([adamw([p for _, p in trained], settings)], masters)
    hidden = [p for name, p in trained if p.ndim == 2 and not any(n in name for n in NOT_HIDDEN)]
    others = [p for _, p in trained if all(p is not h for h in hidden)]
    muon = SharedMuon(
        hidden,
        ranks,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    return Optimizers([muon, adamw(others, settings)] if others else [muon], masters)


def adamw(parameters: Sequence[torch.Tensor], settings: Optimizer) -> torch.optim.AdamW:
    """Build AdamW for some parameters. Vectors have no weight decay."""
    matrices = [p for p in parameters if len(full_shape(p)) > 1]
    vectors = [p for p in parameters if len(full_shape(p)) <= 1]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        betas=settings.betas,
        fused=True,
    )


def full_shape(parameter: torch.Tensor) -> torch.Size:
    """Return the shape of the whole parameter. Under ZeRO-3 a rank holds an empty vector instead."""
    return getattr(parameter, "ds_shape", parameter.shape)


def learning_rate(step: int, total: int, settings: Optimizer) -> float:
    """Return the rate of step `step` (from 0) of `total`: linear warm-up, then cosine to 0 or constant."""
    peak = settings.learning_rate
    warmup = math.ceil(settings.warmup * total)
    if step < warmup:
        return peak * (step + 1) / warmup
    if settings.schedule == "constant":
        return peak
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))
