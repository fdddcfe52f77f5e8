"""The engine in process: what it says is what the model would say, whatever the batch."""

import pytest
import torch
from model_fixtures import picture, small_encoder, small_model

from r1v3.generate import Request, Sampling
from r1v3.generate.transformers_engine import TransformersEngine

TEXTS = ["What is the sum?", "<image>\nWhat is the sum? A. 1 B. 2", "<image>\n<image>\n3+4="]
PICTURES = [(), (picture(1),), (picture(2, 56, 28), picture(3))]
REQUESTS = [
    Request(f"q{n}", text, pictures, seed=100 + n)
    for n, (text, pictures) in enumerate(zip(TEXTS, PICTURES))
]


def answers(requests, sampling, rows=512):
    engine = TransformersEngine(small_model(), small_encoder(), rows=rows)
    return [response for batch in engine.generate(requests, sampling) for response in batch]


def test_greedy_answers_equal_those_of_the_library():
    model, encoder = small_model(), small_encoder()
    found = answers(REQUESTS, Sampling(0.0, 1.0, 12))
    for request, response in zip(REQUESTS, found):
        encoded = encoder.prompt(request.prompt, list(request.images))
        pictures = {"pixel_values": encoded.tiles} if len(encoded.tiles) else {}
        ids = model.generate(
            input_ids=torch.tensor([encoded.prompt_ids]),
            **pictures,
            do_sample=False,
            max_new_tokens=12,
            suppress_tokens=encoder.processor.image_token_ids,
        )[0, len(encoded.prompt_ids) :]
        assert list(response.token_ids) == ids.tolist()


def test_log_probabilities_are_those_of_a_full_forward_pass():
    model, encoder = small_model(), small_encoder()
    for request, response in zip(REQUESTS, answers(REQUESTS, Sampling(0.0, 1.0, 12))):
        encoded = encoder.prompt(request.prompt, list(request.images))
        ids = torch.tensor([[*encoded.prompt_ids, *response.token_ids]])
        tiles = encoded.tiles if len(encoded.tiles) else None
        logits = model(input_ids=ids, pixel_values=tiles).logits[0].detach()
        logits[:, encoder.processor.image_token_ids] = -torch.inf
        first = len(encoded.prompt_ids) - 1
        expected = [
            float(logits[first + n].log_softmax(-1)[token])
            for n, token in enumerate(response.token_ids)
        ]
        assert response.logprobs == pytest.approx(expected, abs=1e-4)


def test_samples_do_not_depend_on_their_neighbours():
    sampling = Sampling(1.0, 0.9, 10, samples=3)
    together = answers(REQUESTS, sampling)
    alone = [response for request in REQUESTS for response in answers([request], sampling)]
    assert [r.token_ids for r in together] == [r.token_ids for r in alone]
    small_batches = answers(REQUESTS, sampling, rows=3)
    assert [r.token_ids for r in together] == [r.token_ids for r in small_batches]


def test_the_same_seed_gives_the_same_samples_and_another_seed_others():
    sampling = Sampling(1.0, 1.0, 10, samples=2)
    once, again = answers(REQUESTS[:1], sampling), answers(REQUESTS[:1], sampling)
    assert once == again
    other = answers([Request("q0", TEXTS[0], (), seed=7)], sampling)
    assert [r.token_ids for r in other] != [r.token_ids for r in once]
    assert once[0].token_ids != once[1].token_ids


def test_image_tokens_and_banned_tokens_are_never_emitted():
    banned = tuple(range(7, 200))
    never = {*banned, *small_encoder().processor.image_token_ids}
    found = answers(REQUESTS, Sampling(1.0, 1.0, 20, samples=4, banned=banned))
    assert not never & {token for response in found for token in response.token_ids}


def test_top_p_keeps_the_likeliest_tokens_alone():
    greedy = answers(REQUESTS, Sampling(0.0, 1.0, 8))
    nearly = answers(REQUESTS, Sampling(1.0, 1e-6, 8))
    assert [r.token_ids for r in nearly] == [r.token_ids for r in greedy]


def test_sampled_frequencies_follow_the_distribution():
    model, encoder = small_model(), small_encoder()
    request = Request("q", TEXTS[0], (), seed=3)
    found = answers([request], Sampling(1.0, 1.0, 1, samples=4000))
    ids = torch.tensor([encoder.prompt(TEXTS[0], []).prompt_ids])
    logits = model(input_ids=ids).logits[0, -1].detach()
    logits[encoder.processor.image_token_ids] = -torch.inf
    probs = logits.softmax(-1)
    top = int(probs.argmax())
    share = sum(r.token_ids[0] == top for r in found) / len(found)
    expected = float(probs[top])
    assert abs(share - expected) < 4 * (expected * (1 - expected) / 4000) ** 0.5


def test_an_answer_cut_by_the_limit_says_so():
    for response in answers(REQUESTS, Sampling(0.0, 1.0, 1)):
        assert len(response.token_ids) == 1
        stopped = response.token_ids[0] == small_encoder().tokenizer.eos_token_id
        assert response.finish_reason == ("stop" if stopped else "length")
