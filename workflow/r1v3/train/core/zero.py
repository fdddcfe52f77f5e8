"""DeepSpeed ZeRO: the ranks shard optimizer states, gradients (stage 2) and weights (stage 3).

DeepSpeed averages gradients over the ranks. Our loss is already divided by the tokens of the whole batch, so
it is multiplied by the number of ranks. All ranks gather sharded weights and reduce gradients together. So
every rank must make the same number of passes through the same modules (`alike`).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from r1v3.model.groups import GROUPS, group_hashes, grouped_parameters
from r1v3.model.load import save_checkpoint
from r1v3.model.processor import ImageProcessor
from r1v3.model.stored_weights import StoredTensor, has_adapters, stored_tensors
from r1v3.recipe.schema.training import Optimizer, Parallel
from r1v3.train.core.deepspeed_start import open_deepspeed, shard_weights, zero_config
from r1v3.train.core.optimizer import adamw, full_shape
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.sharded_state import newest_intact, save_sharded_state

TAG = "zero"
GATHERED_BYTES = 2**30


class ZeroEngine:
    """Trains with DeepSpeed ZeRO, with the interface of `WholeEngine`."""

    alike: bool = True

    def __init__(
        self,
        model: PreTrainedModel,
        module: nn.Module,
        ranks: Ranks,
        *,
        optimizer: Optimizer,
        parallel: Parallel,
        dtype: str,
    ):
        config = zero_config(parallel, dtype, ranks.world, max_grad_norm=optimizer.max_grad_norm)
        deepspeed = open_deepspeed(ranks)
        self.zero, self.ranks, self.model = deepspeed.zero, ranks, model
        self.sharded, self.adapted = parallel.zero == 3, has_adapters(model)
        if self.sharded:
            shard_weights(deepspeed, module, config, ranks)
        trained = [p for p in model.parameters() if p.requires_grad]
        self.engine, self.optimizer, *_ = deepspeed.initialize(
            model=module, optimizer=adamw(trained, optimizer), config=config
        )

    def __call__(self, *args: Any) -> Any:
        """Compute the module."""
        return self.engine(*args)

    def zero_grad(self) -> None:
        """Do nothing, because DeepSpeed clears the gradients after a step."""

    def backward(self, loss: torch.Tensor, *, last: bool) -> None:
        """Add the gradients of a pass. DeepSpeed sums them over the ranks after the last pass."""
        self.engine.set_gradient_accumulation_boundary(last)
        self.engine.backward(loss * self.ranks.world, scale_wrt_gas=False)

    def reduce(self) -> None:
        """Do nothing, because the last `backward` has summed the gradients."""

    def norms(self) -> dict[str, float]:
        """Return each module group's gradient norm before clipping, summed from the parts of all ranks."""
        squares: list[float] = []
        for parameters in grouped_parameters(self.model).values():
            parts = [self._own_gradient(p) for _, p in parameters if p.requires_grad]
            squares.append(sum(float(g.float().pow(2).sum()) for g in parts if g is not None))
        return dict(zip(GROUPS, (total**0.5 for total in self.ranks.sum(*squares))))

    def _own_gradient(self, parameter: Any) -> torch.Tensor | None:
        if self.sharded:
            return parameter._z3_optimizer.get_local_fp32_grad_for_param(parameter)
        mapping = parameter._hp_mapping
        if mapping is None:  # another rank holds this parameter
            return None
        gradient = mapping.get_lp_grad_fragment(parameter._index_in_param_group).flatten()
        address = mapping.lp_fragment_address
        if gradient.numel() == parameter.numel() != address.numel:
            return gradient.narrow(0, address.start, address.numel)
        return gradient

    def step(self, rate: float) -> None:
        """Clip the gradients and update the weights at a learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.engine.step()

    def free(self) -> None:
        """Free remaining gradients and gathered weights."""
        self.engine.zero_grad()
        self.engine.empty_partition_cache()

    def hashes(self, groups: Iterable[str] = tuple(GROUPS)) -> dict[str, str]:
        """Hash the tensors of the named module groups (default: all). Only these are gathered."""
        return group_hashes(self.model, groups=groups, gather=self._merged)

    def base_hashes(self, groups: Iterable[str]) -> dict[str, str]:
        """Hash each group's tensors without its adapters."""
        return group_hashes(self.model, groups=groups, gather=self._base)

    def _merged(self, stored: StoredTensor) -> torch.Tensor:
        """Return a copy of a whole tensor. Adapters are merged on its device, as for an engine."""
        with self.zero.GatheredParameters(_parameters([stored]), enabled=self.sharded):
            return stored.merge().cpu().clone()

    def _base(self, stored: StoredTensor) -> torch.Tensor:
        return self._merged(StoredTensor(stored.name, stored.parts[:1]))

    def _stored(self) -> Iterator[StoredTensor]:
        return stored_tensors(self.model, self.model.state_dict(keep_vars=True).items())

    def weights(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield every tensor with its name in the checkpoint, on this rank's device.

        All ranks iterate together. Sharded tensors are gathered about `GATHERED_BYTES` at a time. A tensor is
        valid only until the next one is taken.
        """
        for some in _portions(self._stored()):
            with self.zero.GatheredParameters(_parameters(some), enabled=self.sharded):
                yield from ((stored.name, stored.merge()) for stored in some)

    def parts(self) -> dict[str, list[torch.Tensor]]:
        """Return this rank's part of each trained group's weights. All ranks' parts make up the whole."""
        groups = grouped_parameters(self.model).items() if self.sharded or self.ranks.first else ()
        learning = {
            group: [self._own_part(p) for _, p in parameters if p.requires_grad]
            for group, parameters in groups
        }
        return {group: parts for group, parts in learning.items() if parts}

    def _own_part(self, parameter: Any) -> torch.Tensor:
        return parameter.ds_tensor if self.sharded else parameter.detach()

    def save(self, processor: ImageProcessor, folder: Path) -> None:
        """Write a checkpoint in Hugging Face's format. Sharded weights are gathered one tensor at a time."""
        weights = None
        if self.sharded or self.adapted:
            weights = {}
            copies: dict[int, torch.Tensor | None] = {}  # a tied tensor stays one tensor
            for stored in self._stored():
                key = id(stored.parts[0])
                if key not in copies:  # all ranks gather the tensor, and the first one keeps it
                    whole = self._merged(stored)
                    copies[key] = whole if self.ranks.first else None
                weights[stored.name] = copies[key]
        if self.ranks.first:
            save_checkpoint(self.model, processor, folder, weights=weights)
        self.ranks.wait()

    def save_state(self, folder: Path, step: int, progress: dict[str, Any], *, keep: int) -> None:
        """Write every rank's part of the state, and delete all but the newest `keep` states."""

        def write(partial: Path) -> None:
            self.engine.save_checkpoint(
                str(partial), tag=TAG, client_state={"progress": progress}, save_latest=False
            )

        save_sharded_state(folder, step, write, self.ranks, keep=keep)

    def load_state(self, folder: Path) -> dict[str, Any] | None:
        """Restore the newest intact state and return its progress; None if there is none."""
        path = newest_intact(folder, self.ranks)
        if path is None:
            return None
        _, kept = self.engine.load_checkpoint(str(path), tag=TAG, load_lr_scheduler_states=False)
        return kept["progress"]


def _parameters(some: Iterable[StoredTensor]) -> list[nn.Parameter]:
    """Return the parameters of some stored tensors; a tied parameter occurs once."""
    parts = (part for stored in some for part in stored.parts if isinstance(part, nn.Parameter))
    return list({id(part): part for part in parts}.values())


def _portions(tensors: Iterable[StoredTensor]) -> Iterator[list[StoredTensor]]:
    """Yield neighbouring tensors of at most `GATHERED_BYTES` in total; a larger tensor comes alone."""
    some: list[StoredTensor] = []
    held = 0
    for stored in tensors:
        tensor = stored.parts[0]
        size = full_shape(tensor).numel() * tensor.itemsize
        if some and held + size > GATHERED_BYTES:
            yield some
            some, held = [], 0
        some.append(stored)
        held += size
    if some:
        yield some


class ZeroModule:
    """A frozen module, such as the reference policy, sharded like the trained weights.

    Raises:
        ValueError: the ZeRO stage is not 3, so every rank can hold a whole copy.
    """

    def __init__(self, module: nn.Module, ranks: Ranks, *, parallel: Parallel, dtype: str):
        if parallel.zero != 3:
            raise ValueError("only ZeRO stage 3 shards weights")
        deepspeed, config = open_deepspeed(ranks), zero_config(parallel, dtype, ranks.world)
        shard_weights(deepspeed, module, config, ranks)
        self.engine = deepspeed.initialize(model=module, config=config)[0]

    def __call__(self, *args: Any) -> Any:
        """Compute the module."""
        return self.engine(*args)
