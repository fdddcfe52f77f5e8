"""DeepSpeed ZeRO: optimizer states, gradients (stage 2) and weights (stage 3) parted among the ranks.

DeepSpeed averages gradients over ranks; the loss here is already divided by the whole batch's tokens, so it
is multiplied by their number again. Every rank makes the same passes with the same modules (`Loader`,
`alike`), since parted weights are gathered, and gradients reduced, by all of them together.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import nn

from r1v3.model.groups import GROUPS, group_hashes, grouped_parameters
from r1v3.model.load import save_checkpoint
from r1v3.train.core.optimizer import adamw
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.resume_folder import newest_whole, seal
from r1v3.train.core.zero_start import open_deepspeed, part_weights, zero_config

TAG = "zero"


class ZeroEngine:
    """The same steps as `WholeEngine`, by DeepSpeed."""

    alike = True

    def __init__(self, model, module: nn.Module, settings: dict, ranks: Ranks):
        deepspeed, config = open_deepspeed(ranks), zero_config(settings, ranks.world)
        self.zero, self.ranks, self.model, self.settings = deepspeed.zero, ranks, model, settings
        self.partition = settings["parallel"]["zero"] == 3
        if self.partition:
            part_weights(deepspeed, module, config, ranks)
        trained = [p for p in model.parameters() if p.requires_grad]
        self.engine, self.optimizer, *_ = deepspeed.initialize(
            model=module, optimizer=adamw(trained, settings["optimizer"]), config=config
        )

    def __call__(self, *args):
        """What the module computes."""
        return self.engine(*args)

    def zero_grad(self) -> None:
        """Nothing: DeepSpeed forgets gradients after a step."""

    def backward(self, loss: torch.Tensor, *, last: bool) -> None:
        """Add a pass's gradients; after the last the ranks have added up theirs."""
        self.engine.set_gradient_accumulation_boundary(last)
        self.engine.backward(loss * self.ranks.world, scale_wrt_gas=False)

    def reduce(self) -> None:
        """Nothing: the last `backward` did."""

    def norms(self) -> dict[str, float]:
        """Norm of each module group's gradient, before clipping; each rank adds up the part it holds."""
        squares = []
        for parameters in grouped_parameters(self.model).values():
            parts = [self._own_gradient(p) for _, p in parameters if p.requires_grad]
            squares.append(sum(float(g.float().pow(2).sum()) for g in parts if g is not None))
        return dict(zip(GROUPS, (total**0.5 for total in self.ranks.sum(*squares))))

    def _own_gradient(self, parameter) -> torch.Tensor | None:
        if self.partition:
            return parameter._z3_optimizer.get_local_fp32_grad_for_param(parameter)
        mapping = parameter._hp_mapping
        if mapping is None:  # another rank's part
            return None
        gradient = mapping.get_lp_grad_fragment(parameter._index_in_param_group).flatten()
        address = mapping.lp_fragment_address
        if gradient.numel() == parameter.numel() != address.numel:
            return gradient.narrow(0, address.start, address.numel)
        return gradient

    def step(self, rate: float) -> None:
        """Clip, and update the weights at a learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.engine.step()

    def hashes(self, groups: Iterable[str] = tuple(GROUPS)) -> dict[str, str]:
        """Hash of each module group's tensors, or of those named, which alone are gathered."""
        return group_hashes(self.model, groups=groups, whole=self._whole)

    def _whole(self, parameter) -> torch.Tensor:
        if not self.partition:
            return parameter.detach().cpu()
        with self.zero.GatheredParameters([parameter]):
            return parameter.detach().cpu().clone()

    def weights(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Every tensor by its name in the checkpoint, whole, one at a time; all ranks go through them."""
        for name, tensor in self.model.state_dict(keep_vars=True).items():
            yield name, self._whole(tensor) if isinstance(tensor, nn.Parameter) else tensor

    def parts(self) -> dict[str, list[torch.Tensor]]:
        """This rank's part of each trained group's weights; together the ranks' parts are the whole."""
        groups = (
            grouped_parameters(self.model).items() if self.partition or self.ranks.first else ()
        )
        return {
            group: [p.ds_tensor if self.partition else p.detach() for _, p in parameters]
            for group, parameters in groups
            if any(p.requires_grad for _, p in parameters)
        }

    def save(self, processor, folder: Path) -> None:
        """Write a Hugging Face folder; parted weights are gathered one at a time."""
        weights = None
        if self.partition:
            copies = {}  # a tied tensor stays one tensor
            for parameter in self.model.parameters():
                whole = self._whole(parameter)
                if self.ranks.first:
                    copies[id(parameter)] = whole
            named = self.model.state_dict(keep_vars=True).items()
            weights = {name: copies.get(id(tensor), tensor) for name, tensor in named}
        if self.ranks.first:
            save_checkpoint(self.model, processor, folder, weights=weights)
        self.ranks.wait()

    def save_state(self, folder: Path, step: int, progress: dict, *, keep: int) -> None:
        """Write every rank's part of the state; only the newest `keep` states stay."""

        def write(partial: Path) -> None:
            self.engine.save_checkpoint(
                str(partial), tag=TAG, client_state={"progress": progress}, save_latest=False
            )

        seal(folder, step, write, self.ranks, keep=keep)

    def load_state(self, folder: Path) -> dict | None:
        """Restore the newest whole state and give back its progress; None where there is none."""
        path = newest_whole(folder, self.ranks)
        if path is None:
            return None
        _, kept = self.engine.load_checkpoint(str(path), tag=TAG, load_lr_scheduler_states=False)
        return kept["progress"]


class ZeroModule:
    """A frozen module whose weights are parted as the trained ones are: the policy of the start.

    Raises:
        ValueError: the recipe parts no weights, so that every rank may hold a whole copy.
    """

    def __init__(self, module: nn.Module, settings: dict, ranks: Ranks):
        if settings["parallel"]["zero"] != 3:
            raise ValueError("only ZeRO stage 3 parts weights")
        deepspeed, config = open_deepspeed(ranks), zero_config(settings, ranks.world)
        part_weights(deepspeed, module, config, ranks)
        self.engine = deepspeed.initialize(model=module, config=config)[0]

    def __call__(self, *args):
        """What the module computes."""
        return self.engine(*args)
