"""A policy's weights on their way to the engine of each node; all ranks take part.

Sharded weights are gathered by all ranks together, and each rank holds a bucket on its own GPU, which the
engine's worker on that GPU reads. The process that has the engine decides in which form it takes them, and
tells the others.
"""

from collections.abc import Iterator

import torch

from r1v3.generate.vllm.buckets import BUCKET_BYTES, WeightBucket, fill_buckets, reclaim
from r1v3.train.core.device_memory import give_back
from r1v3.train.core.engine import TrainingEngine


class SharedWeights:
    """The policy's weights, once: as pairs of name and tensor, or in buckets (`generate.vllm.weights`).

    In both forms every rank frees the memory of gathering before the engine goes on.

    Args:
        size: of a bucket, bytes.
    """

    def __init__(self, policy: TrainingEngine, size: int = BUCKET_BYTES):
        self.policy, self.size = policy, size

    def __iter__(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Pairs, for an engine in this process; a tensor is whole only until the next one is asked for."""
        self._agree("pairs")
        yield from self._pairs()

    def buckets(self) -> Iterator[tuple[WeightBucket, dict[str, bytes]]]:
        """Buckets, for workers in other processes, with every rank's handle by its device."""
        self._agree("buckets")
        yield from self._buckets()

    def done(self) -> None:
        """All workers have closed their buckets."""
        self.policy.ranks.wait()
        reclaim()
        give_back(self.policy)

    def help(self) -> None:
        """Take part, in a process without an engine."""
        if self._agree(None) == "pairs":
            for _ in self._pairs():
                pass
        else:
            for _ in self._buckets():
                pass
            self.done()

    def _agree(self, form: str | None) -> str:
        """The form in which the processes with an engine take the weights; pairs where none has one."""
        told = set(self.policy.ranks.gather([form] if form else []))
        assert len(told) <= 1, "all nodes have the same kind of engine"
        return told.pop() if told else "pairs"

    def _pairs(self) -> Iterator[tuple[str, torch.Tensor]]:
        yield from self.policy.weights()
        give_back(self.policy)

    def _buckets(self) -> Iterator[tuple[WeightBucket, dict[str, bytes]]]:
        ranks = self.policy.ranks
        for bucket in fill_buckets(self.policy.weights(), self.size):
            yield bucket, dict(ranks.gather([(bucket.device, bucket.handle)]))
            ranks.wait()  # until every worker has read it
