"""Runs on every rank: whole or sharded weights of a policy reach the first rank's engine, in both forms."""

import sys

import torch
from grpo_fixtures import grpo_settings
from model_fixtures import small_model
from training_fixtures import SFT

from r1v3.generate.vllm.buckets import MappedBuffers
from r1v3.generate.vllm.worker import hash_tensors
from r1v3.model.packed import use_packed_attention
from r1v3.train.core import zero
from r1v3.train.core.engine import open_engine
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.token_stats import PackedStats
from r1v3.train.grpo.sampling.shared_weights import SharedWeights

zero.GATHERED_BYTES = 10_000
ranks = Ranks.join()
expected = hash_tensors(small_model().state_dict())
ways = [{}, {"engine": "deepspeed", "zero": 2}, {"engine": "deepspeed", "zero": 3}]
for parallel in ways if sys.argv[1] == "deepspeed" else ways[:1]:
    settings = grpo_settings(parallel=SFT["parallel"] | parallel)
    model = small_model()
    use_packed_attention(model)
    policy = open_engine(
        model,
        PackedStats(model, temperature=1.0, never=()),
        ranks,
        optimizer=settings.optimizer,
        parallel=settings.parallel,
        dtype="float32",
    )
    for form in ("pairs", "buckets"):
        weights = SharedWeights(policy, size=20_000)
        if ranks.rank == 1:
            weights.help()
            continue
        found: dict[str, torch.Tensor] = {}
        if form == "pairs":
            found = {name: tensor.clone() for name, tensor in weights}
        else:
            opened = MappedBuffers(torch.device("cpu"))
            for bucket, handles in weights.buckets():
                pieces = [(p.name, p.dtype, list(p.shape), p.first) for p in bucket.pieces]
                found |= dict(opened.tensors(pieces, handles))
            opened.close()
            weights.done()
        assert hash_tensors(found) == expected, (parallel, form)
    ranks.wait()
