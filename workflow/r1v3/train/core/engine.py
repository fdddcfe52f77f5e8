"""The engine that holds the weights during training: a whole copy on every rank, or ZeRO's shards (`zero`).

Both engines have the same interface, so a trainer need not know which one it has. Calling an engine computes
its module, which returns the loss of a pack or its log-probabilities. A step is `backward` once a pass, then
`reduce`, `norms` and `step`. `save` writes a checkpoint. `save_state` and `load_state` are for resuming.
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
    """The interface of an engine that holds weights during training.

    Attributes:
        alike: whether all ranks must make the same number of passes, each with a tile.
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
        """Add the gradients of a pass; `last` is true for this rank's last pass before a step."""
        ...

    def reduce(self) -> None:
        """Sum the gradients over the ranks."""
        ...

    def norms(self) -> dict[str, float]:
        """Return the norm of each module group's gradient, before clipping."""
        ...

    def step(self, rate: float) -> None:
        """Clip the gradients and update the weights at a learning rate."""
        ...

    def free(self) -> None:
        """Free what the next step computes again: gradients and gathered weights."""
        ...

    def hashes(self, groups: Iterable[str] = ...) -> dict[str, str]:
        """Hash each module group's tensors, in the form that a checkpoint stores."""
        ...

    def base_hashes(self, groups: Iterable[str]) -> dict[str, str]:
        """Hash each group's tensors without its adapters."""
        ...

    def weights(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield every tensor with its name in the checkpoint."""
        ...

    def parts(self) -> dict[str, list[torch.Tensor]]:
        """Return this rank's part of each trained group's weights."""
        ...

    def save(self, processor: ImageProcessor, folder: Path) -> None:
        """Write a checkpoint in Hugging Face's format."""
        ...

    def save_state(self, folder: Path, step: int, progress: State, *, keep: int) -> None:
        """Write the state that a resumed run needs."""
        ...

    def load_state(self, folder: Path) -> State | None:
        """Restore the newest intact state and return its progress."""
        ...


class WholeEngine:
    """Every rank holds the whole model, and gradients are summed over the ranks.

    Args:
        module: the module that a pass computes; it contains the model.
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
        """Add the gradients of a pass; `last` is true for this rank's last pass before a step."""
        loss.backward()

    def reduce(self) -> None:
        """Sum the gradients over the ranks."""
        self.ranks.sum_gradients(self.model)

    def norms(self) -> dict[str, float]:
        """Return the norm of each module group's gradient, before clipping."""
        return group_norms(self.model)

    def step(self, rate: float) -> None:
        """Clip the gradients and update the weights at a learning rate."""
        torch.nn.utils.clip_grad_norm_(
            [p for p in self.model.parameters() if p.requires_grad], self.max_grad_norm
        )
        self.optimizer.step(rate)

    def free(self) -> None:
        """Free the gradients."""
        self.optimizer.zero_grad()

    def hashes(self, groups: Iterable[str] = tuple(GROUPS)) -> dict[str, str]:
        """Hash the tensors of the named module groups (default: all) as a checkpoint stores them."""
        return group_hashes(self.model, groups=groups)

    def base_hashes(self, groups: Iterable[str]) -> dict[str, str]:
        """Hash each group's tensors without its adapters."""
        return group_hashes(self.model, groups=groups, gather=StoredTensor.base)

    def weights(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield every tensor with its name in the checkpoint. All ranks iterate together."""
        for stored in stored_tensors(self.model, self.model.state_dict().items()):
            yield stored.name, stored.merge()

    def parts(self) -> dict[str, list[torch.Tensor]]:
        """Return this rank's part of each trained group's weights. All ranks' parts make up the whole."""
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
        """Write the state that a resumed run needs, and delete all but the newest `keep` states."""
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
        """Return the model's tensors. With adapters only trained ones, because `start` has the others."""
        tensors = self.model.state_dict()
        if not self.adapted:
            return tensors
        learning = {name for name, p in self.model.named_parameters() if p.requires_grad}
        return {name: tensor for name, tensor in tensors.items() if name in learning}


def accumulate_in_32_bits(model: nn.Module) -> None:
    """Sum the gradients of 16-bit weights in 32 bits: over 126 passes, 16 bits lose 1.3 % of them."""
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
    """Freeze all groups but `train`, and set attention and gradient checkpointing as the recipe says.

    Args:
        lora: adapters of some of these groups.
        seed: seed of the adapters' initial values.
    """
    use_packed_attention(model, parallel.attention)
    train_only(model, train)
    if lora is not None:
        add_adapters(model, lora, train, seed=seed)
    if parallel.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        checkpoint_first_layers(model, float(parallel.gradient_checkpointing))
        model.train()  # the library checkpoints only in training mode; no layer here has dropout


def checkpoint_first_layers(model: nn.Module, share: float) -> None:
    """Recompute the first layers of each stack in the backward pass: at least `share` of them.

    The activations of the last layers are kept. The backward pass starts with those layers, so it frees
    their activations first.
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
    """Open the engine that the recipe's `parallel` section describes.

    Args:
        module: the module that a pass computes; it contains `model`.
    """
    _fuse(module, ranks)
    if parallel.engine == "ranks":
        return WholeEngine(model, module, optimizer, ranks)
    from r1v3.train.core.zero import ZeroEngine

    return ZeroEngine(model, module, ranks, optimizer=optimizer, parallel=parallel, dtype=dtype)


def _fuse(module: nn.Module, ranks: Ranks) -> None:
    """Use an accelerator's fused kernels if the recipe's `determinism` allows other last bits."""
    if ranks.device.type != "cpu" and not torch.are_deterministic_algorithms_enabled():
        use_fused_kernels(module)


def open_frozen(module: nn.Module, ranks: Ranks, *, parallel: Parallel, dtype: Dtype):
    """Put a module that does not learn on this rank's device; ZeRO stage 3 shards it like the policy.

    Returns:
        A callable that computes the module.
    """
    _fuse(module, ranks)
    if parallel.zero != 3:
        return module.to(ranks.device)
    from r1v3.train.core.zero import ZeroModule

    return ZeroModule(module, ranks, parallel=parallel, dtype=dtype)
