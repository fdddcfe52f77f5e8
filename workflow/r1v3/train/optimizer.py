"""AdamW and its learning-rate schedule, as the recipe's `optimizer` section says."""

import math

import torch


def build_optimizer(model, settings: dict) -> torch.optim.Optimizer:
    """AdamW over what trains; frozen parameters have no state. Vectors are not decayed."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings["weight_decay"]},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
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


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = rate
