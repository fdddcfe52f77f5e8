"""Qwen2.5-VL and Qwen3-VL in vLLM answer like the trainer's model, also after two updates of weights."""

import gc

import pytest
import torch
from model_fixtures import IMAGES, picture
from qwen_checkpoints import KINDS, qwen_model, qwen_processor, write_qwen

from r1v3.generate import Request, Sampling
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.parity import Answered, compare_engines
from r1v3.model.encode import Encoder
from r1v3.model.groups import group_hashes

pytest.importorskip("vllm", reason="vLLM is not installed here: `make test-vllm`")
REQUESTS = [
    Request("text", "What is the sum? 3+4=", (), seed=1),
    Request("wide", "<image>\nWhat is the sum?", (picture(1, 90, 20),), seed=2),
    Request("two", "<image> and <image>\n3+4=", (picture(2, 17, 40), picture(3, 31, 31)), seed=3),
]
GREEDY = Sampling(0.0, 1.0, 12)


def ask(engine):
    found = [response for batch in engine.generate(REQUESTS, GREEDY) for response in batch]
    return sorted(found, key=lambda response: response.key)


def same(ours, theirs) -> bool:
    return all(
        one.token_ids == other.token_ids
        and max(abs(a - b) for a, b in zip(one.logprobs, other.logprobs)) < 1e-3
        for one, other in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_and_two_updates_say_what_the_trainers_model_says(kind, tmp_path):
    from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

    from r1v3.generate.vllm.engine import open_vllm

    encoder = Encoder(qwen_processor(kind), IMAGES)
    engine = open_vllm(IMAGES, write_qwen(tmp_path / "model", kind), None)
    try:
        ours = ask(engine)
        assert not any(response.error for response in ours)
        assert same(ours, ask(TransformersEngine(qwen_model(kind), encoder)))
        assert engine.connector_hash() == group_hashes(qwen_model(kind))["connector"]
        answered = [
            Answered(request, engine.prompt_ids(request), response)
            for request, response in zip(REQUESTS, sorted(ours, key=order))
        ]
        for each in compare_engines(qwen_model(kind), encoder, answered):
            assert each.same_prompt
            assert each.gap < 1e-3
        narrow = Request("narrow", "<image> 3+4=", (picture(4, 900, 2),), seed=4)
        told = [r for batch in engine.generate([narrow, REQUESTS[0]], GREEDY) for r in batch]
        errors = {response.key: response.error for response in told}
        assert errors["narrow"].startswith("ValueError")  # a side is 450 times the other
        assert errors["text"] is None
        for seed in (1, 2):
            model = qwen_model(kind, seed)
            told = engine.sync_weights(iter(model.state_dict().items()))
            assert told == group_hashes(model)["connector"]
            updated = ask(engine)
            assert not same(updated, ours)
            assert same(updated, ask(TransformersEngine(model, encoder)))
        with torch.no_grad():  # a connector alone that moved is seen through every cache
            for name, parameter in model.named_parameters():
                if "merger" in name:
                    parameter.add_(torch.randn_like(parameter))
        engine.sync_weights(model.state_dict())
        moved = ask(engine)
        assert same(moved, ask(TransformersEngine(model, encoder)))
        assert [a.key for a, b in zip(moved, updated) if not same([a], [b])] == ["two", "wide"]
    finally:
        del engine
        gc.collect()
        cleanup_dist_env_and_memory()


def order(response) -> int:
    return [request.key for request in REQUESTS].index(response.key)
