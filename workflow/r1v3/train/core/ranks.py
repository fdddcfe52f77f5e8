"""Processes that train one model together: each takes its share of a batch, and gradients are summed.

torchrun launches them; without it there is one. Every rank ends each step with the same weights, to the bit.
"""

import os
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from r1v3.train.core import patience

Item = TypeVar("Item")


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is.

    Attributes:
        per_node: processes that share a node; None for all of them.
        gpu: number of the GPU that this process computes on. CUDA's own current device differs between
            threads, so it is kept here.
        lane: name of the thread of each process that meets those of the others; empty for the main one.
        group: torch's process group of that lane; None for the one of all.
    """

    rank: int
    world: int
    per_node: int | None = None
    gpu: int = 0
    lane: str = ""
    group: Any = None

    @classmethod
    def join(cls) -> "Ranks":
        """Connect to the other processes that torchrun started; without torchrun there is only this one.

        On a processor a process has one thread, however many cores a job was given: sums over more
        threads have other bits, and the number of cores is in no hash.
        """
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if not torch.cuda.is_available():
            torch.set_num_threads(1)
        if world > 1 and not dist.is_initialized():
            if torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
                dist.init_process_group("cpu:gloo,cuda:nccl")
            else:
                dist.init_process_group("gloo")
            if store := _store():
                patience.beat_beside_the_work(store, int(os.environ["RANK"]))
        if world == 1:
            return cls(0, 1)
        per_node = int(os.environ.get("LOCAL_WORLD_SIZE", world))
        return cls(int(os.environ["RANK"]), world, per_node, int(os.environ["LOCAL_RANK"]))

    def beside(self, lane: str) -> "Ranks":
        """The same processes for another thread of each, which meet there and wait for no main thread.

        All ranks call this together.
        """
        if self.world == 1:
            return self
        return replace(self, lane=lane, group=dist.new_group(backend="gloo"))

    @property
    def first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    @property
    def leads(self) -> bool:
        """Whether this process is its node's first."""
        return self.rank % (self.per_node or self.world) == 0

    @property
    def device(self) -> torch.device:
        """The device of this process, the same in all its threads."""
        if torch.cuda.is_available():
            return torch.device("cuda", self.gpu)
        return torch.device("cpu")

    def share(self, items: list[Item]) -> list[Item]:
        """This rank's part of a list; the ranks' parts in order make up the list."""
        return _part(items, self.rank, self.world)

    def leads_team(self, size: int) -> bool:
        """Whether this process is the first of its team of `size` neighbours."""
        return self.rank % size == 0

    def share_of_team(self, items: list[Item], size: int) -> list[Item]:
        """The team's part of a list in its first process, an empty list in its others.

        Args:
            size: processes of a team; it divides those of a node.
        """
        if not self.leads_team(size):
            return []
        return _part(items, self.rank // size, self.world // size)

    def sum_gradients(self, model: nn.Module) -> None:
        """Sum every trained parameter's gradient over the ranks; a missing one counts as 0."""
        if self.world == 1:
            return
        trained = [p for p in model.parameters() if p.requires_grad]
        flat = torch.cat([_gradient(p).flatten() for p in trained])
        dist.all_reduce(flat)
        for parameter, part in zip(trained, flat.split([p.numel() for p in trained])):
            parameter.grad = part.view_as(parameter)

    def send_from(self, owner: int, tensors: list[torch.Tensor]) -> None:
        """Give every rank the values that `owner` has; the tensors have the same shapes on all ranks."""
        if self.world == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.broadcast(flat, owner, group=self.group)
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors])):
            tensor.copy_(part.view_as(tensor))

    def sum(self, *values: float) -> tuple[float, ...]:
        """Each value, summed over the ranks."""
        if self.world == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total, group=self.group)
        return tuple(total.tolist())

    def gather(self, part: list[Item]) -> list[Item]:
        """The parts of all ranks, one after another, on every rank; waits as `wait` does."""
        if self.world == 1:
            return part
        self.wait()
        parts: list[Any] = [None] * self.world
        dist.all_gather_object(parts, part, group=self.group)
        return [item for each in parts for item in each]

    def wait(self) -> None:
        """Wait until every rank is here, as long as all of them live (`patience`)."""
        if self.world == 1:
            return
        if store := _store():
            patience.meet(store, self.rank, self.world, self.lane)
        dist.barrier(group=self.group)


ALONE = Ranks(0, 1)


def _store() -> Any:
    """The store that the processes joined by; None where none has joined."""
    if not dist.is_initialized():
        return None
    return dist.distributed_c10d._get_default_store()  # pyright: ignore[reportPrivateUsage]


def _gradient(parameter: torch.Tensor) -> torch.Tensor:
    """A parameter's gradient; zeros in the gradient's own precision where it has none."""
    if parameter.grad is not None:
        return parameter.grad
    return torch.zeros_like(parameter, dtype=parameter.grad_dtype or parameter.dtype)


def _part(items: list[Item], number: int, parts: int) -> list[Item]:
    return items[len(items) * number // parts : len(items) * (number + 1) // parts]
