"""Processes that train one model together. Each takes its share of a batch, and gradients are summed.

torchrun starts them; without it there is only one. After each step all ranks have bit-identical weights.
"""

import os
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from r1v3.train.core import barrier

Item = TypeVar("Item")


@dataclass(frozen=True)
class Ranks:
    """This process's place among the training processes.

    Attributes:
        per_node: number of processes on a node; None if all are on one node.
        gpu: index of the GPU that this process computes on. It is stored because CUDA's current device
            differs between threads.
        lane: name of the thread that waits for the same thread of the other processes; empty for the main
            thread.
        group: torch's process group of that lane; None for the default group.
    """

    rank: int
    world: int
    per_node: int | None = None
    gpu: int = 0
    lane: str = ""
    group: Any = None

    @classmethod
    def join(cls) -> "Ranks":
        """Connect to the other processes that torchrun started. Without torchrun there is only this one.

        On a CPU a process uses one thread, whatever number of cores the job has. With more threads sums have
        other last bits, and the number of cores is in no hash.
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
                barrier.start_heartbeat(store, int(os.environ["RANK"]))
        if world == 1:
            return cls(0, 1)
        per_node = int(os.environ.get("LOCAL_WORLD_SIZE", world))
        return cls(int(os.environ["RANK"]), world, per_node, int(os.environ["LOCAL_RANK"]))

    def beside(self, lane: str) -> "Ranks":
        """Return the same processes for another thread of each; its barriers do not wait for main threads.

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
        """Return the device of this process, which is the same in all its threads."""
        if torch.cuda.is_available():
            return torch.device("cuda", self.gpu)
        return torch.device("cpu")

    def share(self, items: list[Item]) -> list[Item]:
        """Return this rank's part of a list. The parts of all ranks, in order, make up the list."""
        return _part(items, self.rank, self.world)

    def leads_team(self, size: int) -> bool:
        """Return whether this process is the first of its team of `size` neighbouring processes."""
        return self.rank % size == 0

    def share_of_team(self, items: list[Item], size: int) -> list[Item]:
        """Return the team's part of a list in its first process, and an empty list in its others.

        Args:
            size: number of processes of a team; it divides the number on a node.
        """
        if not self.leads_team(size):
            return []
        return _part(items, self.rank // size, self.world // size)

    def sum_gradients(self, model: nn.Module) -> None:
        """Sum the gradient of every trained parameter over the ranks. A missing gradient counts as 0."""
        if self.world == 1:
            return
        trained = [p for p in model.parameters() if p.requires_grad]
        flat = torch.cat([_gradient(p).flatten() for p in trained])
        dist.all_reduce(flat)
        for parameter, part in zip(trained, flat.split([p.numel() for p in trained])):
            parameter.grad = part.view_as(parameter)

    def send_from(self, owner: int, tensors: list[torch.Tensor]) -> None:
        """Copy the values of `owner`'s tensors to every rank. Shapes must be the same on all ranks."""
        if self.world == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.broadcast(flat, owner, group=self.group)
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors])):
            tensor.copy_(part.view_as(tensor))

    def sum(self, *values: float) -> tuple[float, ...]:
        """Return each value, summed over the ranks."""
        if self.world == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total, group=self.group)
        return tuple(total.tolist())

    def gather(self, part: list[Item]) -> list[Item]:
        """Return the parts of all ranks, one after another, on every rank. It waits as `wait` does."""
        if self.world == 1:
            return part
        self.wait()
        parts: list[Any] = [None] * self.world
        dist.all_gather_object(parts, part, group=self.group)
        return [item for each in parts for item in each]

    def wait(self) -> None:
        """Wait until every rank has called this, for as long as all of them live (`barrier`)."""
        if self.world == 1:
            return
        if store := _store():
            barrier.wait_for_all(store, self.rank, self.world, self.lane)
        dist.barrier(group=self.group)


ALONE = Ranks(0, 1)


def _store() -> Any:
    """Return the store that the processes joined; None if no process group is open."""
    if not dist.is_initialized():
        return None
    return dist.distributed_c10d._get_default_store()  # pyright: ignore[reportPrivateUsage]


def _gradient(parameter: torch.Tensor) -> torch.Tensor:
    """Return a parameter's gradient, or zeros in its own precision if it has none."""
    if parameter.grad is not None:
        return parameter.grad
    return torch.zeros_like(parameter, dtype=parameter.grad_dtype or parameter.dtype)


def _part(items: list[Item], number: int, parts: int) -> list[Item]:
    return items[len(items) * number // parts : len(items) * (number + 1) // parts]
