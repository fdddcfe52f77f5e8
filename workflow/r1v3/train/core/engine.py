"""The engine that holds the weights while they train: a whole copy on every rank, or ZeRO's shards (`zero`).

Both engines take the same steps, so a trainer need not know which one it has. Calling an engine computes its
module: the loss of a pack, or log-probabilities. Then follow `backward` once a pass, `reduce`, `norms` and
`step`. `save` writes a checkpoint; `save_state` and `load_state` serve an unfinished run.
"""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from r1v3.model.fused_kernels import use_fused_kernels
from r1v3.model.groups import GROUPS, group_hashes, group_norms, grouped_parameters, train_only
from r1v3.model.load import save_checkpoint
from r1v3.model.lora import add_adapters
from r1v3.model.packed import use_packed_attention
from r1v3.model.processor import ImageProcessor
from r1v3.model.stored_weights import StoredTensor, has_adapters, stored_tensors
from r1v3.recipe.schema.training import Group, Lora, Optimizer, Parallel
from r1v3.train.core.optimizer import build_optimizer
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.saved_state import load_state, save_state

Dtype = Literal["float32", "bfloat16"]
State = dict[str, Any]


class TrainingEngine(Protocol):
    """What a trainer asks of the engine that holds its weights.

    Attributes:
        alike: whether every rank must make as many passes as the others, each with a tile.
    """

    alike: bool
    model: PreTrainedModel
    ranks: Ranks

    def __call__(self, *args: Any) -> Any:
        """Compute the module."""
        ...

    def zero_grad(self) -> None:
        """Clear the gradients."""
        ...

    def backward(self, loss: torch.Tensor, *, last: bool) -> None:
        """Add a pass's gradients; `last` marks this rank's last pass before a step."""
        ...

    def reduce(self) -> None:
        """Sum the gradients over the ranks."""
        ...

    def norms(self) -> dict[str, float]:
        """Norm of each module group's gradient, before clipping."""
        ...

    def step(self, rate: float) -> None:
        """Clip the gradients and update the weights at a learning rate."""
        ...

    def free(self) -> None:
        """Let go of what the next step makes anew: gradients, gathered weights."""
        ...

    def hashes(self, groups: Iterable[str] = ...) -> dict[str, str]:
        """Hash of each module group's tensors as a checkpoint stores them."""
        ...

    def base_hashes(self, groups: Iterable[str]) -> dict[str, str]:
        """Hash of each group's tensors without its adapters."""
        ...

    def weights(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Every tensor under its name in the checkpoint."""
        ...

    def parts(self) -> dict[str, list[torch.Tensor]]:
        """This rank's part of each trained group's weights."""
        ...

    def save(self, processor: ImageProcessor, folder: Path) -> None:
        """Write a checkpoint in Hugging Face's format."""
        ...

    def save_state(self, folder: Path, step: int, progress: State, *, keep: int) -> None:
        """Write what a resumed run needs."""
        ...

    def load_state(self, folder: Path) -> State | None:
        """Restore the newest intact state and return its progress."""
        ...


class WholeEngine:
    """Every rank holds the whole model; gradients are summed over the ranks.

    Args:
        module: what a pass computes, with the model inside.
        optimizer: the recipe's section.
    """

    alike: bool = False

    def __init__(
        self, model: PreTrainedModel, module: nn.Module, optimizer: Optimizer, ranks: Ranks
    ):
        self.ranks = ranks
        self.model: PreTrainedModel = model.to(ranks.device)  # type: ignore[arg-type]
        self.module = module
        self.max_grad_norm = optimizer.max_grad_norm
        self.adapted = has_adapters(model)
        self.optimizer = build_optimizer(self.model, optimizer, ranks)
        accumulate_in_32_bits(self.model)

    def __call__(self, *args: Any) -> Any:
        """Compute the module."""
        return self.module(*args)

    def zero_grad(self) -> None:
        """Clear the gradients."""
        self.optimizer.zero_grad()

    def backward(self, loss: torch.Tensor, *, last: bool) -> None:
        """Add a pass's gradients; `last` marks this rank's last pass before a step."""
        loss.backward()

    def reduce(self) -> None:
        """Sum the gradients over the ranks."""
        self.ranks.sum_gradients(self.model)

    def norms(self) -> dict[str, float]:
        """Norm of each module group's gradient, before clipping."""
        return group_norms(self.model)

    def step(self, rate: float) -> None:
        """Clip the gradients and update the weights at a learning rate."""
        torch.nn.utils.clip_grad_norm_(
            [p for p in self.model.parameters() if p.requires_grad], self.max_grad_norm
        )
        self.optimizer.step(rate)

    def free(self) -> None:
        """Let go of the gradients."""
        self.optimizer.zero_grad()

    def hashes(self, groups: Iterable[str] = tuple(GROUPS)) -> dict[str, str]:
        """Hash of each module group's tensors as a checkpoint stores them, or of those named."""
        return group_hashes(self.model, groups=groups)

    def base_hashes(self, groups: Iterable[str]) -> dict[str, str]:
        """Hash of each group's tensors without its adapters."""
        return group_hashes(self.model, groups=groups, gather=StoredTensor.base)

    def weights(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Every tensor under its name in the checkpoint; all ranks iterate together."""
        for stored in stored_tensors(self.model, self.model.state_dict().items()):
            yield stored.name, stored.merge()

    def parts(self) -> dict[str, list[torch.Tensor]]:
        """This rank's part of each trained group's weights; the ranks' parts make up the whole."""
        groups = grouped_parameters(self.model).items() if self.ranks.first else ()
        return {
            group: [p.detach() for _, p in parameters if p.requires_grad]
            for group, parameters in groups
        }

    def save(self, processor: ImageProcessor, folder: Path) -> None:
        """Write a checkpoint in Hugging Face's format."""
        if self.ranks.first:
            weights = dict(self.weights()) if self.adapted else None
            save_checkpoint(self.model, processor, folder, weights=weights)
        self.ranks.wait()

    def save_state(self, folder: Path, step: int, progress: State, *, keep: int) -> None:
        """Write what a resumed run needs; only the newest `keep` states stay."""
        if self.ranks.first:
            state = {"model": self._model_state(), "optimizer": self.optimizer.state_dict()}
            save_state(folder, step, progress | state, keep=keep)
        self.ranks.wait()

    def load_state(self, folder: Path) -> State | None:
        """Restore the newest intact state and return its progress; None if there is none."""
        restored = load_state(folder, self.ranks)
        if restored is None:
            return None
        state = restored[1]
        self.model.load_state_dict(state.pop("model"), strict=not self.adapted)
        self.optimizer.load_state_dict(state.pop("optimizer"))
        return state

    def _model_state(self) -> State:
        """The model's tensors; with adapters only what learns, because the rest is the start's."""
        tensors = self.model.state_dict()
        if not self.adapted:
            return tensors
        learning = {name for name, p in self.model.named_parameters() if p.requires_grad}
        return {name: tensor for name, tensor in tensors.items() if name in learning}


def accumulate_in_32_bits(model: nn.Module) -> None:
    """Add up the gradients of 16-bit weights in 32 bits: over 126 passes, 16 bits lose 1.3 % of them."""
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.itemsize == 2:
            parameter.grad_dtype = torch.float32


def prepare_model(
    model: PreTrainedModel,
    train: list[Group],
    parallel: Parallel,
    *,
    lora: Lora | None = None,
    seed: int = 0,
) -> None:
    """Freeze all groups but `train`; set attention and gradient checkpointing as the recipe says.

    Args:
        lora: adapters of some of these groups.
        seed: of the adapters' first values.
    """
    use_packed_attention(model, parallel.attention)
    train_only(model, train)
    if lora is not None:
        add_adapters(model, lora, train, seed=seed)
    if parallel.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        checkpoint_first_layers(model, float(parallel.gradient_checkpointing))
        model.train()  # the library checkpoints in training mode only; no layer here has dropout


def checkpoint_first_layers(model: nn.Module, share: float) -> None:
    """Of each stack compute the first layers again in the backward pass, at least a share of them.

    The last ones are kept, because the backward pass comes to them first and lets go of them.
    """
    for stack in model.modules():
        if not isinstance(stack, nn.ModuleList):
            continue
        layers = [layer for layer in stack if isinstance(layer, GradientCheckpointingLayer)]
        for layer in layers[math.ceil(share * len(layers) - 1e-9) :]:
            layer.gradient_checkpointing = False


def open_engine(
    model: PreTrainedModel,
    module: nn.Module,
    ranks: Ranks,
    *,
    optimizer: Optimizer,
    parallel: Parallel,
    dtype: Dtype,
) -> TrainingEngine:
    """The engine that the recipe's `parallel` section names.

    Args:
        module: what a pass computes, with `model` inside.
    """
    _fuse(module, ranks)
    if parallel.engine == "ranks":
        return WholeEngine(model, module, optimizer, ranks)
    from r1v3.train.core.zero import ZeroEngine

    return ZeroEngine(model, module, ranks, optimizer=optimizer, parallel=parallel, dtype=dtype)


def _fuse(module: nn.Module, ranks: Ranks) -> None:
    """Take kernels of an accelerator where the recipe's `determinism` allows other last bits."""
    if ranks.device.type != "cpu" and not torch.are_deterministic_algorithms_enabled():
        use_fused_kernels(module)


def open_frozen(module: nn.Module, ranks: Ranks, *, parallel: Parallel, dtype: Dtype):
    """A module that does not learn, on this rank's device; ZeRO stage 3 shards it as it shards the policy.

    Returns:
        Something that computes the module when called.
    """
    _fuse(module, ranks)
    if parallel.zero != 3:
        return module.to(ranks.device)
    from r1v3.train.core.zero import ZeroModule

    return ZeroModule(module, ranks, parallel=parallel, dtype=dtype)
