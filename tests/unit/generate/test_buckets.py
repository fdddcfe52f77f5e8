"""Weights reach another process completely, through buckets that are reused."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from model_fixtures import small_model

from r1v3.generate.vllm import buckets
from r1v3.generate.vllm.buckets import MappedBuffers, fill_buckets
from r1v3.generate.vllm.weights import InBuckets, replace_weights, through_buckets
from r1v3.generate.vllm.worker import hash_tensors
from r1v3.model.groups import group_hashes
from r1v3.train.grpo.sampling.shared_weights import SharedWeights

CPU = torch.device("cpu")


def pieces(bucket):
    return [(p.name, p.dtype, list(p.shape), p.first) for p in bucket.pieces]


def mixed():
    """Return tensors of several types and sizes; one is larger than a bucket, and one is not contiguous."""
    torch.manual_seed(3)
    return {
        "byte": torch.arange(5, dtype=torch.uint8),
        "half": torch.randn(7, 3).to(torch.bfloat16),
        "large": torch.randn(40, 10),
        "turned": torch.randn(6, 4).T,
        "one": torch.tensor(3.5),
        "long": torch.arange(9),
    }


@pytest.mark.parametrize("size", [64, 200, 10**6])
def test_every_tensor_arrives_whole_whatever_the_size_of_a_bucket(size):
    opened, found, counts = MappedBuffers(CPU), {}, []
    for bucket in fill_buckets(mixed().items(), size):
        found |= dict(opened.tensors(pieces(bucket), {bucket.device: bucket.handle}))
        counts.append(len(bucket.pieces))
    assert list(found) == list(mixed())
    for name, tensor in mixed().items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)
    assert counts == ([6] if size == 10**6 else [2, 1, 3])


WORKER = """
import json, sys, torch
from r1v3.generate.vllm.buckets import MappedBuffers
from r1v3.generate.vllm.worker import hash_tensors
opened, found = MappedBuffers(torch.device("cpu")), {}
for line in sys.stdin:
    pieces, handle = json.loads(line)
    found |= dict(opened.tensors(pieces, {"cpu": bytes.fromhex(handle)}))
    print("read", flush=True)
print(hash_tensors(found))
"""


def test_another_process_reads_what_was_filled():
    state = small_model().state_dict()
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    count = 0
    for bucket in fill_buckets(state.items(), 20_000):
        worker.stdin.write(json.dumps([pieces(bucket), bucket.handle.hex()]) + "\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == "read\n"
        count += 1
    assert count > 3
    said, _ = worker.communicate()
    assert said.strip() == hash_tensors(state)


def test_a_worker_without_a_bucket_on_its_device_says_so(monkeypatch):
    (bucket,) = fill_buckets(mixed().items(), 10**6)
    with pytest.raises(RuntimeError, match=r"no trainer process has weights on cpu, only on GPU-7"):
        list(MappedBuffers(CPU).tensors(pieces(bucket), {"GPU-7": bucket.handle}))


def test_weights_go_through_memory_only_where_they_fit(monkeypatch, tmp_path):
    monkeypatch.setattr(buckets, "MEMORY", tmp_path)
    assert buckets.room_for(1000) == tmp_path
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 1000))
    assert buckets.room_for(1000) is None
    assert buckets.room_for(900) == tmp_path


class Llm:
    """vLLM with one worker in another process, which records the weights that it receives."""

    class llm_engine:
        class vllm_config:
            class parallel_config:
                world_size = 2

        @staticmethod
        def has_unfinished_requests():
            return False

        @staticmethod
        def reset_encoder_cache():
            pass

    def __init__(self):
        self.calls, self.found, self.opened = [], {}, MappedBuffers(CPU)

    def collective_rpc(self, method, args=()):
        self.calls.append(method)
        if method == "take_bucket":
            self.found |= dict(self.opened.tensors(*args))
        if method == "end_new_weights":
            self.opened.close()
            return [[]]
        if method == "connector_hash":
            own = {n: t for n, t in self.found.items() if "multi_modal_projector." in n}
            return [hash_tensors(own)]
        return [None]

    def reset_mm_cache(self):
        self.calls.append("reset")

    def reset_prefix_cache(self):
        self.calls.append("reset")
        return True


def test_an_engine_in_other_processes_takes_buckets_and_empties_its_caches():
    from grpo_fixtures import learner

    policy, llm = learner(), Llm()
    weights = SharedWeights(policy, size=20_000)
    assert isinstance(weights, InBuckets)
    told = replace_weights(llm, weights)
    assert told == policy.hashes(("connector",))["connector"]
    assert hash_tensors(llm.found) == hash_tensors(policy.model.state_dict())
    first, *taken, last = llm.calls[: llm.calls.index("end_new_weights") + 1]
    assert (first, set(taken), last) == ("begin_new_weights", {"take_bucket"}, "end_new_weights")
    assert len(taken) > 3
    assert llm.calls[-3:] == ["reset", "reset", "connector_hash"]


def test_what_was_missing_in_a_worker_is_told():
    class Missing(Llm):
        def collective_rpc(self, method, args=()):
            super().collective_rpc(method, args)
            return [["norm"]] if method == "end_new_weights" else [None]

    assert through_buckets(Missing(), []) == [["norm"]]
    from grpo_fixtures import learner

    with pytest.raises(RuntimeError, match="1 weights were not among those sent, as norm"):
        replace_weights(Missing(), SharedWeights(learner()))


def test_group_hashes_and_the_workers_agree():
    model = small_model()
    own = {n: t for n, t in model.state_dict().items() if "multi_modal_projector." in n}
    assert hash_tensors(own) == group_hashes(model)["connector"]
