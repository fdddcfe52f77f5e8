"""The policy that learns: log-probabilities of a pack, gradients over all ranks, a step."""

import torch
from torch import nn

from r1v3.model.groups import group_hashes, group_norms
from r1v3.model.packed import Pack, hidden_states
from r1v3.train.optimizer import build_optimizer
from r1v3.train.ranks import Ranks
from r1v3.train.token_stats import token_stats


class PackedStats(nn.Module):
    """A model's log-probability and entropy of each response token of a pack, as one module.

    Args:
        never: token ids that the engine cannot emit.
    """

    def __init__(self, model, *, temperature: float, never: tuple[int, ...]):
        super().__init__()
        self.model, self.temperature, self.never = model, temperature, never

    def forward(self, pack: Pack) -> tuple[torch.Tensor, torch.Tensor]:
        """logp_N at the temperature (differentiable) and entropy_N at temperature 1, in nats."""
        return token_stats(
            hidden_states(self.model, pack),
            self.model.lm_head.weight,
            pack.target_N,
            temperature=self.temperature,
            never=self.never,
        )


class Policy:
    """Every rank holds the whole model; gradients are summed over the ranks."""

    def __init__(self, model, settings: dict, ranks: Ranks, *, never: tuple[int, ...]):
        self.model, self.ranks = model, ranks
        self.stats = PackedStats(model, temperature=settings["temperature"], never=never)
        self.optimizer = build_optimizer(model, settings["optimizer"])
        self.max_grad_norm = settings["optimizer"]["max_grad_norm"]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad()

    def backward(self, loss: torch.Tensor) -> None:
        """Add a part's gradients."""
        loss.backward()

    def step(self, rate: float) -> dict[str, float]:
        """Add up the ranks' gradients, clip, update; each group's gradient norm before clipping."""
        self.ranks.sum_gradients(self.model)
        norms = group_norms(self.model)
        torch.nn.utils.clip_grad_norm_(
            [p for p in self.model.parameters() if p.requires_grad], self.max_grad_norm
        )
        self.optimizer.step(rate)
        return norms

    def weights(self) -> dict[str, torch.Tensor]:
        """Every tensor by its name in the checkpoint, for another engine."""
        return self.model.state_dict()

    def hashes(self) -> dict[str, str]:
        """Hash of each module group's tensors."""
        return group_hashes(self.model)

    def state_dict(self) -> dict:
        """Weights and optimizer: all that a resumed run needs."""
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        """Restore what `state_dict` gave."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
