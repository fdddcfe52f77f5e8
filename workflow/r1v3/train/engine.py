"""What holds the weights while they train: copies on every rank here, ZeRO's parts in `zero`.

Both do the same steps, so the trainer does not know which it has: `backward`, `norms`, `step`, `save`, and
`save_state` and `load_state` of a run that is not finished.
"""

from pathlib import Path

import torch
from torch import nn

from r1v3.model.groups import group_hashes, group_norms
from r1v3.model.load import save_checkpoint
from r1v3.model.packed import Pack, hidden_states
from r1v3.train.optimizer import build_optimizer
from r1v3.train.ranks import Ranks
from r1v3.train.response_loss import ResponseLoss
from r1v3.train.resume import load_state, save_state


class PackedLoss(nn.Module):
    """A model and its loss over a pack, as one module."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.head = ResponseLoss(model.lm_head.weight)

    def forward(self, pack: Pack, tokens: int) -> torch.Tensor:
        """The pack's share of the mean loss over `tokens` response tokens, in nats."""
        return self.head(hidden_states(self.model, pack), pack.target_N, tokens)


class WholeEngine:
    """Every rank holds the whole model; gradients are summed over the ranks."""

    alike = False

    def __init__(self, model, settings: dict, ranks: Ranks):
        self.model, self.settings, self.ranks = model.to(ranks.device), settings, ranks
        self.loss = PackedLoss(self.model)
        self.optimizer = build_optimizer(self.model, settings["optimizer"])

    def backward(self, packs: list[Pack], tokens: int) -> float:
        """Gradients of the mean loss over all ranks' packs, and that loss."""
        self.optimizer.zero_grad()
        losses = []
        for pack in packs:
            part = self.loss(pack, tokens)
            part.backward()
            losses.append(part.detach())
        self.ranks.sum_gradients(self.model)
        return self.ranks.sum(float(sum(losses)))[0]

    def norms(self) -> dict[str, float]:
        """Norm of each module group's gradient, before clipping."""
        return group_norms(self.model)

    def step(self, rate: float) -> None:
        """Clip, and update the weights at a learning rate."""
        torch.nn.utils.clip_grad_norm_(
            [p for p in self.model.parameters() if p.requires_grad],
            self.settings["optimizer"]["max_grad_norm"],
        )
        self.optimizer.step(rate)

    def hashes(self) -> dict[str, str]:
        """Hash of each module group's tensors."""
        return group_hashes(self.model)

    def save(self, processor, folder: Path) -> None:
        """Write a Hugging Face folder."""
        if self.ranks.first:
            save_checkpoint(self.model, processor, folder)

    def save_state(self, folder: Path, step: int, progress: dict, *, keep: int) -> None:
        """Write what a resumed run needs; only the newest `keep` states stay."""
        if self.ranks.first:
            state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
            save_state(folder, step, progress | state, keep=keep)

    def load_state(self, folder: Path) -> dict | None:
        """Restore the newest whole state and give back its progress; None where there is none."""
        restored = load_state(folder)
        if restored is None:
            return None
        state = restored[1]
        self.model.load_state_dict(state.pop("model"))
        self.optimizer.load_state_dict(state.pop("optimizer"))
        return state


def open_engine(model, settings: dict, ranks: Ranks):
    """The engine that the recipe's `parallel` section names."""
    if settings["parallel"]["engine"] == "ranks":
        return WholeEngine(model, settings, ranks)
    from r1v3.train.zero import ZeroEngine

    return ZeroEngine(model, settings, ranks)
