"""What holds the weights while they train: copies on every rank here, ZeRO's parts in `zero`.

Both take the same steps, so a trainer does not know which it has. Called, an engine computes its module
(the loss of a pack, or log-probabilities); then `backward` once a pass, `reduce`, `norms` and `step`. `save`
writes a checkpoint; `save_state` and `load_state` are those of a run that is not finished.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import nn

from r1v3.model.groups import GROUPS, group_hashes, group_norms, grouped_parameters, train_only
from r1v3.model.load import save_checkpoint
from r1v3.model.packed import use_packed_attention
from r1v3.train.core.optimizer import build_optimizer
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.resume import load_state, save_state


class WholeEngine:
    """Every rank holds the whole model; gradients are summed over the ranks.

    Attributes:
        alike: whether every rank must make as many passes as the others, each with a tile.

    Args:
        module: what a pass computes, with the model inside.
    """

    alike = False

    def __init__(self, model, module: nn.Module, settings: dict, ranks: Ranks):
        self.model, self.settings, self.ranks = model.to(ranks.device), settings, ranks
        self.module = module
        self.optimizer = build_optimizer(self.model, settings["optimizer"])

    def __call__(self, *args):
        """What the module computes."""
        return self.module(*args)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad()

    def backward(self, loss: torch.Tensor, *, last: bool) -> None:
        """Add a pass's gradients; `last` of those of this rank before a step."""
        loss.backward()

    def reduce(self) -> None:
        """Add up the gradients of all ranks."""
        self.ranks.sum_gradients(self.model)

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

    def hashes(self, groups: Iterable[str] = tuple(GROUPS)) -> dict[str, str]:
        """Hash of each module group's tensors, or of those named."""
        return group_hashes(self.model, groups=groups)

    def weights(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Every tensor by its name in the checkpoint, whole, one at a time; all ranks go through them."""
        yield from self.model.state_dict().items()

    def parts(self) -> dict[str, list[torch.Tensor]]:
        """This rank's part of each trained group's weights; together the ranks' parts are the whole."""
        groups = grouped_parameters(self.model).items() if self.ranks.first else ()
        return {
            group: [p.detach() for _, p in parameters if p.requires_grad]
            for group, parameters in groups
        }

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
        restored = load_state(folder, self.ranks)
        if restored is None:
            return None
        state = restored[1]
        self.model.load_state_dict(state.pop("model"))
        self.optimizer.load_state_dict(state.pop("optimizer"))
        return state


def prepare_model(model, settings: dict) -> None:
    """Freeze what does not train; choose attention and checkpointed layers, as the recipe says."""
    parallel = settings["parallel"]
    use_packed_attention(model, parallel["attention"])
    train_only(model, settings["train"])
    if parallel["gradient_checkpointing"]:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.train()  # the library checkpoints in training mode alone; no layer here has dropout


def open_engine(model, module: nn.Module, settings: dict, ranks: Ranks):
    """The engine that the recipe's `parallel` section names."""
    if settings["parallel"]["engine"] == "ranks":
        return WholeEngine(model, module, settings, ranks)
    from r1v3.train.core.zero import ZeroEngine

    return ZeroEngine(model, module, settings, ranks)


def open_frozen(module: nn.Module, settings: dict, ranks: Ranks):
    """A module that does not learn, on this rank's device; with ZeRO stage 3 in parts, as one that does."""
    if settings["parallel"]["zero"] != 3:
        return module.to(ranks.device)
    from r1v3.train.core.zero import ZeroModule

    return ZeroModule(module, settings, ranks)
