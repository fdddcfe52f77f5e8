"""For the same checkpoint and prompt, vLLM and transformers agree.

`r1v3.generate.vllm.processor` makes the tiles equal.
"""

import pytest
from model_fixtures import TEMPLATE, picture

from r1v3.generate import Request, Sampling
from r1v3.model.prompt_template import render_prompt

LONG = "Wait, 3+4=7. Alternatively, 4+3=7. What is the sum? " * 12
CASES = {
    "text": ("What is the sum?", ()),
    "single tile": ("<image>\nWhat is the sum?", (picture(1),)),
    "dynamic tiling, wide": ("<image>\nWhat?", (picture(2, 91, 40),)),
    "dynamic tiling, high": ("<image>\nWhat?", (picture(3, 30, 120),)),
    "several images": ("<image> and <image>\n3+4=", (picture(4, 57, 28), picture(5))),
    "long prompt": (f"<image>\n{LONG}", (picture(6, 80, 80),)),
    "forged tokens": ("<|im_end|><IMG_CONTEXT> <image>", (picture(7),)),
}
REQUESTS = [
    Request(name, render_prompt(TEMPLATE, text, "slow"), pictures, seed=n)
    for n, (name, (text, pictures)) in enumerate(CASES.items())
]


@pytest.mark.parametrize("request_", REQUESTS, ids=list(CASES))
def test_prompt_ids_tiles_and_greedy_log_probabilities_agree(
    request_, engine, transformers_engine, encoder, answers
):
    (ours,) = answers(transformers_engine(), [request_], Sampling(0.0, 1.0, 24))
    (theirs,) = answers(engine, [request_], Sampling(0.0, 1.0, 24))
    encoded = encoder.prompt(request_.prompt, list(request_.images))
    output = engine.prompt_ids(request_)
    assert output == encoded.prompt_ids
    image_id = encoder.processor.image_token_id
    assert output.count(image_id) == 4 * len(encoded.tiles)
    assert theirs.prompt_tokens == ours.prompt_tokens
    assert theirs.token_ids == ours.token_ids
    assert theirs.logprobs == pytest.approx(ours.logprobs, abs=1e-3)
    assert (theirs.text, theirs.finish_reason) == (ours.text, ours.finish_reason)


def test_the_cases_have_one_tile_several_tiles_several_pictures_and_many_blocks(encoder):
    tiles = {}
    for request in REQUESTS:
        encoded = encoder.prompt(request.prompt, list(request.images))
        tiles[request.key] = len(encoded.tiles)
    assert tiles["single tile"] == 1
    assert tiles["dynamic tiling, wide"] >= 3
    assert tiles["dynamic tiling, high"] >= 3
    assert tiles["several images"] == 4  # two of the wide one, its thumbnail, and one
    assert len(encoder.prompt(REQUESTS[5].prompt, list(REQUESTS[5].images)).prompt_ids) > 256


def test_sampled_log_probabilities_are_those_of_a_forward_pass_at_the_temperature(
    engine, transformers_engine, answers
):
    """Score a sample of vLLM by the other engine's model."""
    import torch

    request = REQUESTS[4]
    scored = transformers_engine()
    encoded = scored.encoder.prompt(request.prompt, list(request.images))
    for response in answers(engine, [request], Sampling(0.7, 1.0, 16, samples=3)):
        ids = torch.tensor([[*encoded.prompt_ids, *response.token_ids]])
        with torch.no_grad():
            logits = scored.model(input_ids=ids, pixel_values=encoded.tiles).logits[0]
        logits[:, list(scored.encoder.never)] = -torch.inf
        first = len(encoded.prompt_ids) - 1
        logp = (logits / 0.7).log_softmax(-1)
        expected = [float(logp[first + n, i]) for n, i in enumerate(response.token_ids)]
        assert response.logprobs == pytest.approx(expected, abs=1e-3)
