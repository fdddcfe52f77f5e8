"""What the gate before RL and evaluation compares, with engines that are wrong on purpose."""

from dataclasses import replace

import pytest
from model_fixtures import IMAGES, TEMPLATE, small_encoder, small_model

from r1v3.generate import Sampling
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.parity import Agreement, Answered, Disagreement, cases, check, compare


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
    found = compare(small_model(), small_encoder(), answered)
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
    found = compare(small_model(seed=1), small_encoder(), answered)
    with pytest.raises(Disagreement, match=r"allows 0.001 nats\): text: log-probabilities differ"):
        check(found, 1e-3)


def test_one_token_that_is_off_is_seen(answered):
    logprobs = list(answered[2].response.logprobs)
    logprobs[3] -= 0.5
    off = replace(answered[2], response=replace(answered[2].response, logprobs=tuple(logprobs)))
    (found,) = compare(small_model(), small_encoder(), [off])
    assert found.gap == pytest.approx(0.5, abs=1e-3)


def test_other_tiles_and_another_prompt_are_named():
    good = Agreement("text", True, (0, 0), 0, 8, 0.0)
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
