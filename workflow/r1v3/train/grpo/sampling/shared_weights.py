"""Sends the policy's weights to the engine of each node. All ranks take part.

All ranks gather sharded weights together. Each rank then has a bucket of weights on its own GPU, and the
engine's worker on that GPU reads it. The process that has the engine chooses the form of the weights (pairs
or buckets), and the others follow.
"""

from collections.abc import Iterator

import torch

from r1v3.generate.vllm.buckets import BUCKET_BYTES, WeightBucket, fill_buckets, reclaim
from r1v3.train.core.device_memory import free_device_memory
from r1v3.train.core.engine import TrainingEngine


class SharedWeights:
    """The policy's weights, to be read once: as pairs of name and tensor, or as buckets.

    See `generate.vllm.weights` for buckets. In both forms every rank frees the memory that gathering used
    before the engine continues.

    Args:
        size: bytes of a bucket.
    """

    def __init__(self, policy: TrainingEngine, size: int = BUCKET_BYTES):
        self.policy, self.size = policy, size

    def __iter__(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield pairs for an engine in this process. A tensor is valid only until the next one is taken."""
        self._agree("pairs")
        yield from self._pairs()

    def buckets(self) -> Iterator[tuple[WeightBucket, dict[str, bytes]]]:
        """Yield buckets for workers in other processes, with every rank's memory handle by its device."""
        self._agree("buckets")
        yield from self._buckets()

    def done(self) -> None:
        """Free memory on every rank. The caller's workers must have closed their buckets."""
        self.policy.ranks.wait()
        reclaim()
        free_device_memory(self.policy)

    def help(self) -> None:
        """Take part in sending, in a process without an engine."""
        if self._agree(None) == "pairs":
            for _ in self._pairs():
                pass
        else:
            for _ in self._buckets():
                pass
            self.done()

    def _agree(self, form: str | None) -> str:
        """Return the form that the processes with an engine chose; pairs if no process has an engine."""
        forms = set(self.policy.ranks.gather([form] if form else []))
        assert len(forms) <= 1, "all nodes have the same kind of engine"
        return forms.pop() if forms else "pairs"

    def _pairs(self) -> Iterator[tuple[str, torch.Tensor]]:
        yield from self.policy.weights()
        free_device_memory(self.policy)

    def _buckets(self) -> Iterator[tuple[WeightBucket, dict[str, bytes]]]:
        ranks = self.policy.ranks
        for bucket in fill_buckets(self.policy.weights(), self.size):
            yield bucket, dict(ranks.gather([(bucket.device, bucket.handle)]))
            ranks.wait()  # until every worker has read the bucket
