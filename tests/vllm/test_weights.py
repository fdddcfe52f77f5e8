"""New weights in a running vLLM: its answers afterwards are those of the new weights."""

import pytest
import torch
from model_fixtures import picture
from vllm_models import model_of, write

from r1v3.generate import Request, Sampling
from r1v3.generate.vllm.buckets import fill_buckets
from r1v3.generate.vllm.weights import through_buckets
from r1v3.model.groups import group_hashes

LONG = "Wait, 3+4=7. Alternatively, 4+3=7. What is the sum? " * 24
REQUESTS = [
    Request("long", f"<image>\n{LONG}", (picture(6, 80, 80),), seed=1),
    Request("short", "<image>\nWhat is the sum?", (picture(6, 80, 80),), seed=2),
]
GREEDY = Sampling(0.0, 1.0, 12)


@pytest.fixture(autouse=True)
def first_weights_again(engine):
    yield
    engine.sync_weights(model_of(0).state_dict())


def same(ours, theirs) -> bool:
    return all(
        one.token_ids == other.token_ids
        and max(abs(a - b) for a, b in zip(one.logprobs, other.logprobs)) < 1e-3
        for one, other in zip(ours, theirs)
    )


def test_three_updates_on_the_same_pictures_and_a_prompt_of_many_blocks(
    engine, transformers_engine, answers
):
    expected = {seed: answers(transformers_engine(seed), REQUESTS, GREEDY) for seed in range(4)}
    block = engine.llm.llm_engine.vllm_config.cache_config.block_size
    assert expected[0][0].prompt_tokens > 3 * block
    assert len({responses[0].token_ids for responses in expected.values()}) == 4
    assert same(answers(engine, REQUESTS, GREEDY), expected[0])
    for seed in (1, 2, 3):
        model = model_of(seed)
        told = engine.sync_weights(iter(model.state_dict().items()))
        assert told == engine.connector_hash() == group_hashes(model)["connector"]
        assert same(answers(engine, REQUESTS, GREEDY), expected[seed])
        assert same(answers(engine, REQUESTS, GREEDY), expected[seed])  # from its caches


def test_a_connector_alone_that_moved_is_seen_through_every_cache(engine, answers):
    model = model_of(0)
    before = answers(engine, REQUESTS, GREEDY)
    with torch.no_grad():
        for parameter in model.model.multi_modal_projector.parameters():
            parameter.add_(torch.randn_like(parameter))
    engine.sync_weights(model.state_dict())
    moved = answers(engine, REQUESTS, GREEDY)
    assert all(not same([a], [b]) for a, b in zip(before, moved))
    engine.sync_weights(model_of(0).state_dict())
    assert same(answers(engine, REQUESTS, GREEDY), before)


def test_a_checkpoint_folder_and_buckets_for_other_processes_work_too(
    engine, transformers_engine, answers, tmp_path
):
    told = engine.sync_weights(write(tmp_path / "third", 3))
    assert told == group_hashes(model_of(3))["connector"]
    assert same(
        answers(engine, REQUESTS, GREEDY), answers(transformers_engine(3), REQUESTS, GREEDY)
    )
    filled = fill_buckets(model_of(2).state_dict().items(), size=20_000)
    shared = ((bucket, {bucket.device: bucket.handle}) for bucket in filled)
    assert through_buckets(engine.llm, shared) == [[]]
    engine.llm.llm_engine.reset_encoder_cache()
    engine.llm.reset_mm_cache()
    assert engine.llm.reset_prefix_cache()
    assert engine.connector_hash() == group_hashes(model_of(2))["connector"]
    assert same(
        answers(engine, REQUESTS, GREEDY), answers(transformers_engine(2), REQUESTS, GREEDY)
    )
    engine.sync_weights(model_of(1).named_parameters())  # a tied head counts once
    assert same(
        answers(engine, REQUESTS, GREEDY), answers(transformers_engine(1), REQUESTS, GREEDY)
    )


def test_a_missing_weight_is_an_error(engine):
    state = model_of(1).state_dict()
    del state["model.language_model.norm.weight"]
    with pytest.raises(
        RuntimeError, match=r"1 weights were not among those sent, as .*norm\.weight"
    ):
        engine.sync_weights(state)


def test_offload_and_wake_leave_the_answers_as_they_were(engine, answers):
    before = answers(engine, REQUESTS, GREEDY)
    engine.offload()
    engine.wake()
    assert same(answers(engine, REQUESTS, GREEDY), before)
    engine.offload()
    engine.sync_weights(model_of(2).state_dict())
    assert engine.connector_hash() == group_hashes(model_of(2))["connector"]
    assert not same(answers(engine, REQUESTS, GREEDY), before)
