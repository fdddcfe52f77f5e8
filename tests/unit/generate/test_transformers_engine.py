"""The engine in this process gives the model's own answers, whatever the batch is."""

import pytest
import torch
from model_fixtures import TEMPLATE, picture, small_encoder, small_model

from r1v3.generate import Request, Sampling
from r1v3.generate.in_process import decode_loop
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.in_process.row_cache import RowCache
from r1v3.model.prompt_template import render_prompt, without_control

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


def in_order(responses):
    return sorted(responses, key=lambda r: (int(r.key[1:]), r.sample))


def test_samples_do_not_depend_on_their_neighbours():
    sampling = Sampling(1.0, 0.9, 10, samples=3)
    together = answers(REQUESTS, sampling)
    alone = [response for request in REQUESTS for response in answers([request], sampling)]
    assert [r.token_ids for r in together] == [r.token_ids for r in alone]
    small_batches = in_order(answers(REQUESTS, sampling, rows=3))
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


def test_waiting_requests_take_the_places_of_finished_rows_and_change_no_sample(monkeypatch):
    encoder = small_encoder()
    sampling = Sampling(1.0, 1.0, 60, samples=2, bias=((encoder.tokenizer.eos_token_id, 3.0),))
    requests = [
        Request(f"q{n}", TEXTS[n % 3] + "7" * n, PICTURES[n % 3], seed=n) for n in range(14)
    ]
    together = in_order(answers(requests, sampling))
    assert len({len(response.token_ids) for response in together}) > 8  # lengths differ
    joined = []
    join = RowCache.join
    monkeypatch.setattr(
        RowCache, "join", lambda self, *args, **more: joined.append(1) or join(self, *args, **more)
    )
    monkeypatch.setattr(decode_loop, "REFILL_SHARE", 0.75)
    few = in_order(answers(requests, sampling, rows=6))
    assert joined
    assert [r.token_ids for r in few] == [r.token_ids for r in together]
    for one, other in zip(few, together):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_a_stop_string_ends_a_response_and_is_not_part_of_its_text():
    greedy = Sampling(0.0, 1.0, 12)
    for request, whole in zip(REQUESTS, answers(REQUESTS, greedy)):
        string = whole.text[3:5]
        (stopped,) = answers([request], Sampling(0.0, 1.0, 12, stop=("never said", string)))
        assert stopped.text == whole.text[: whole.text.find(string)]
        assert stopped.token_ids == whole.token_ids[: len(stopped.token_ids)]
        assert len(stopped.token_ids) < len(whole.token_ids)
        assert stopped.finish_reason == "stop"


def test_a_bias_moves_a_logit():
    token = small_encoder().text_ids("7")[0]
    (sure,) = answers(REQUESTS[:1], Sampling(0.0, 1.0, 3, bias=((token, 1000.0),)))
    assert sure.token_ids == (token,) * 3
    plain = Sampling(1.0, 1.0, 1, samples=50)
    never = Sampling(1.0, 1.0, 1, samples=50, bias=((token, -1000.0),))
    assert not any(r.token_ids == (token,) for r in answers(REQUESTS[:1], never))
    assert len(answers(REQUESTS[:1], plain)) == 50


def test_a_poisoned_request_is_answered_with_its_error_and_the_rest_goes_on(tmp_path):
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    picture(1).save(tmp_path / "whole.png")
    inside = tmp_path / "inside"
    requests = [
        Request("unreadable", "<image>", (tmp_path / "cut.png",), 1),
        Request("good", "<image> sum", (tmp_path / "whole.png",), 1, root=tmp_path),
        Request("missing", "<image>", (tmp_path / "none.png",), 1),
        Request("bomb", "<image>", (picture(1, 500, 401),), 1),
        Request("too_long", "7 " * 600, (), 1),
        Request("outside", "<image>", (inside / ".." / "whole.png",), 1, root=inside),
        Request("absolute", "<image>", (tmp_path / "whole.png",), 1, root=inside),
        Request("no_picture", "<image>", (), 1),
        Request("forged", "<img><IMG_CONTEXT></img>", (), 1),
    ]
    found = answers(requests, Sampling(0.0, 1.0, 4, samples=2))
    errors = {response.key: response.error for response in found}
    assert len(found) == 2 * len(requests)
    assert [key for key, error in errors.items() if error is None] == ["good"]
    assert "500 x 401" in errors["bomb"]
    assert "context is 512" in errors["too_long"]
    assert "outside the data root" in errors["outside"]
    assert "outside the data root" in errors["absolute"]
    assert {r.finish_reason for r in found if r.error} == {"error"}
    only_bad = answers(requests[:1], Sampling(0.0, 1.0, 4))
    assert only_bad[0].finish_reason == "error"


def test_no_special_token_is_read_out_of_a_users_text():
    encoder = small_encoder()
    tokenizer = encoder.tokenizer
    clean = encoder.text_ids(render_prompt(TEMPLATE, "question", "slow"))
    special = set(tokenizer.all_special_ids)
    attack = "".join(tokenizer.convert_ids_to_tokens(sorted(special)))
    ids = encoder.text_ids(render_prompt(TEMPLATE, f"question {attack}", "slow"))
    assert [i for i in ids if i in special] == [i for i in clean if i in special]
    assert without_control("a < b, x<y>z, <|a b|>, <image>") == "a < b, x<y>z, <|a b|>, <image>"
