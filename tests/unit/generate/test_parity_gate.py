"""The parity check before RL and evaluation, with engines that are wrong on purpose."""

import os
from dataclasses import replace

import pytest
import torch
from model_fixtures import IMAGES, TEMPLATE, small_encoder, small_model, small_processor

from r1v3.generate import Sampling, parity
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.parity import Answered, Disagreement, ParityCase, cases, check, compare_engines
from r1v3.model import spread as spread_module
from r1v3.model.load import save_checkpoint
from r1v3.model.spread import places_of, spread


@pytest.fixture(scope="module")
def answered() -> list[Answered]:
    encoder = small_encoder()
    engine = TransformersEngine(small_model(), encoder)
    found = []
    for request in cases(TEMPLATE, side=28, max_pixels=IMAGES.max_pixels):
        ((response,),) = list(engine.generate([request], Sampling(0.0, 1.0, 8)))
        ids = encoder.prompt(request.prompt, list(request.images)).prompt_ids
        found.append(Answered(request, ids, response))
    return found


def test_an_engine_that_says_the_same_passes(answered):
    found = compare_engines(small_model(), small_encoder(), answered)
    assert {each.case: each.tiles for each in found} == {
        "text": 0,
        "single tile": 1,
        "wide picture": 4,  # three beside each other, and a thumbnail
        "high picture": 4,
        "two pictures": 5,
        "long prompt": 1,
    }
    assert all(each.tokens >= 1 and each.gap < 1e-4 for each in found)
    check(found, 1e-3)


def test_other_weights_are_seen(answered):
    found = compare_engines(small_model(seed=1), small_encoder(), answered)
    with pytest.raises(Disagreement, match=r"allows 0.001 nats\): text: log-probabilities differ"):
        check(found, 1e-3)


def test_one_token_that_is_off_is_seen(answered):
    logprobs = list(answered[2].response.logprobs)
    logprobs[3] -= 0.5
    off = replace(answered[2], response=replace(answered[2].response, logprobs=tuple(logprobs)))
    (found,) = compare_engines(small_model(), small_encoder(), [off])
    assert found.gap == pytest.approx(0.5, abs=1e-3)


def test_other_tiles_and_another_prompt_are_named():
    good = ParityCase("text", True, (0, 0), 0, 8, 0.0)
    check([good], 0.1)
    with pytest.raises(Disagreement, match="wide: 16 image tokens in transformers, 4 in vLLM"):
        check([good, replace(good, case="wide", image_tokens=(16, 4), same_prompt=False)], 0.1)
    with pytest.raises(Disagreement, match="text: the prompt has other token ids in vLLM"):
        check([replace(good, same_prompt=False)], 0.1)
    with pytest.raises(Disagreement, match="differ by nan"):
        check([replace(good, gap=float("nan"))], 0.1)


def test_no_picture_is_larger_than_the_recipe_allows():
    for request in cases(TEMPLATE, side=56, max_pixels=3136):
        assert all(picture.width * picture.height <= 3136 for picture in request.images)


def test_layers_are_spread_in_order_and_by_size():
    assert places_of([3, 1, 1, 1, 1, 1, 1, 3], 4) == [0, 1, 1, 1, 2, 2, 2, 3]
    assert places_of([1, 1, 10], 2) == [0, 0, 1]
    assert places_of([5], 8) == [4]


def test_a_model_over_several_devices_says_the_same(answered, monkeypatch):
    moved, model = [], small_model()
    monkeypatch.setattr(
        spread_module, "_moved", lambda value, device: moved.append(device) or value
    )
    spread(model, [torch.device("cpu", n) for n in (0, 0)], [1e9, 1e9])
    whole, parts = (
        compare_engines(each, small_encoder(), answered) for each in (small_model(), model)
    )
    assert [each.gap for each in parts] == [each.gap for each in whole]
    assert len(moved) > 2 * 2 * len(answered)


def test_inputs_reach_a_blocks_device_however_deep_they_lie():
    block = torch.nn.Identity()
    block.register_forward_pre_hook(spread_module._mover(torch.device("meta")), with_kwargs=True)
    seen = block((torch.ones(1), [torch.ones(2), {"a": torch.ones(3)}], "text", None))
    assert seen[0].device.type == seen[1][0].device.type == seen[1][1]["a"].device.type == "meta"
    assert seen[2:] == ("text", None)


def test_a_part_that_does_not_fit_is_named_and_nothing_is_moved():
    model = small_model()
    with pytest.raises(ValueError, match=r"GB of weights do not fit on cuda:1 with 0\.0"):
        spread(model, [torch.device("cuda", n) for n in range(2)], [1e9, 1.0])
    assert {p.device.type for p in model.parameters()} == {"cpu"}


def test_the_gate_spreads_what_one_accelerator_cannot_hold(tmp_path, monkeypatch):
    save_checkpoint(small_model(), small_processor(), tmp_path / "model")
    size = sum(p.nbytes for p in small_model().parameters())
    placed = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda n: (size, size))
    monkeypatch.setattr(spread_module, "spread", lambda *given: placed.append(given))
    threads = torch.get_num_threads()
    parity.load_over_devices(tmp_path / "model")
    assert torch.get_num_threads() == len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    ((_, devices, room),) = placed
    assert [str(device) for device in devices] == [f"cuda:{n}" for n in range(4)]
    assert room == [0.8 * size] * 4
