"""The optimizer and its learning-rate schedule, as the recipe's `optimizer` section says.

The report names none; AdamW is assumed. Muon, which orthogonalises the update of every hidden matrix,
learns the tiny world from scratch in half the samples; what is not a hidden matrix still gets AdamW.
"""

import math

import torch

NOT_HIDDEN = ("embed_tokens", "lm_head", "embeddings.")


class Optimizers:
    """One or two optimizers that step together, at one learning rate.

    Args:
        masters: each 16-bit parameter with the 32-bit copy that is stepped in its stead: at a rate of 1e-5
            most updates are smaller than the distance of a bfloat16 to the next.
    """

    def __init__(self, parts: list[torch.optim.Optimizer], masters: list[tuple] | None = None):
        self.parts, self.masters = parts, masters or []

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)
        for parameter, _ in self.masters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update at a learning rate."""
        for parameter, master in self.masters:
            master.grad = None if parameter.grad is None else parameter.grad.float()
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate
            part.step()
        for parameter, master in self.masters:
            parameter.copy_(master)

    def state_dict(self) -> list:
        """All that a resumed run needs."""
        states = [part.state_dict() for part in self.parts]
        return [*states, [master for _, master in self.masters]] if self.masters else states

    @torch.no_grad()
    def load_state_dict(self, states: list) -> None:
        """Restore what `state_dict` gave."""
        if self.masters:
            *states, masters = states
            for (_, master), saved in zip(self.masters, masters, strict=True):
                master.copy_(saved)
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def build_optimizer(model, settings: dict) -> Optimizers:
    """Optimizers over what trains; frozen parameters have no state. Vectors are not decayed.

    Raises:
        ValueError: the algorithm is unknown.
    """
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    masters = [(p, p.detach().float().requires_grad_()) for _, p in trained if p.itemsize == 2]
    if masters:
        stepped = dict(masters)
        trained = [(name, stepped.get(p, p)) for name, p in trained]
    if settings["algorithm"] == "adamw":
        return Optimizers([adamw([p for _, p in trained], settings)], masters)
    if settings["algorithm"] == "muon":
        hidden = [
            p for name, p in trained if p.ndim == 2 and not any(n in name for n in NOT_HIDDEN)
        ]
        others = [p for _, p in trained if all(p is not h for h in hidden)]
        muon = torch.optim.Muon(
            hidden,
            lr=settings["learning_rate"],
            weight_decay=settings["weight_decay"],
            adjust_lr_fn="match_rms_adamw",
        )
        return Optimizers([muon, adamw(others, settings)] if others else [muon], masters)
    raise ValueError(f"optimizer.algorithm must be adamw or muon, not {settings['algorithm']!r}")


def adamw(parameters: list[torch.nn.Parameter], settings: dict) -> torch.optim.AdamW:
    """AdamW over parameters; vectors are not decayed."""
    matrices = [p for p in parameters if p.ndim > 1]
    vectors = [p for p in parameters if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": settings["weight_decay"]},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings["learning_rate"],
        betas=tuple(settings["betas"]),
        fused=True,
    )


def learning_rate(step: int, total: int, settings: dict) -> float:
    """The rate of step `step` (from 0) of `total`: linear warm-up, then a cosine to 0 or a constant."""
    peak = settings["learning_rate"]
    warmup = math.ceil(settings["warmup"] * total)
    if step < warmup:
        return peak * (step + 1) / warmup
    if settings["schedule"] == "constant":
        return peak
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))
