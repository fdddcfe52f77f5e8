"""Closed models in their providers' own forms, against loopback servers as strict as these.

Covers `r1v3.generate.server.forms` and `r1v3.generate.server.anthropic_form`.
"""

import logging

import pytest
from model_fixtures import IMAGES, TEMPLATE, picture
from prices import priced
from providers import anthropic, message, openai
from scripted_server import serve

from r1v3.generate import Request, Sampling
from r1v3.generate.server.endpoint import Endpoint, ServerError
from r1v3.generate.server.engine import RemoteModel, ServerEngine, form_of
from r1v3.generate.server.tokens import Tokens
from r1v3.generate.server.usage import Usage, read_usage
from r1v3.model.prompt_template import render_prompt

THRICE = Sampling(1.0, 1.0, 20, samples=3)


def engine(url, kind, *, path=None, price=None):
    endpoint = Endpoint(
        url,
        attempts=2,
        timeout=5.0,
        per_minute=None,
        first_wait=0.01,
        key_variable="A_PROVIDER_KEY",
        wire=form_of(kind).wire,
    )
    usage = Usage(path, price or priced())
    return ServerEngine(RemoteModel(endpoint, "model", kind, IMAGES, concurrency=2), usage)


def asking(question="2+2=", images=(), **more):
    return Request("a", render_prompt(TEMPLATE, question, "nothink"), images, seed=7, **more)


def answers(built, request, sampling=THRICE):
    return [response for batch in built.generate([request], sampling) for response in batch]


def test_anthropic_is_asked_for_each_sample_in_its_own_form(monkeypatch, tmp_path):
    monkeypatch.setenv("A_PROVIDER_KEY", "sk-ant-secret")
    picture(1).save(tmp_path / "a.bmp")
    request = asking("<image>\n<image>\nand?", (tmp_path / "a.bmp", picture(2)))
    with serve(anthropic()) as (url, asked):
        found = answers(engine(url, "anthropic", path=tmp_path / "usage.jsonl"), request)
    assert [(r.sample, r.text, r.error) for r in found] == [(n, "four", None) for n in range(3)]
    assert {(r.prompt_tokens, r.tokens, r.finish_reason) for r in found} == {(10, 3, "stop")}
    assert len(asked) == 3
    one = asked[0]
    assert one["path"] == "/v1/messages"
    assert one["headers"]["x-api-key"] == "sk-ant-secret"
    assert one["headers"]["anthropic-version"] == "2023-06-01"
    assert "Authorization" not in one["headers"]
    assert one["body"]["system"] == "You are a helpful assistant."
    assert one["body"]["max_tokens"] == 20
    [turn] = one["body"]["messages"]
    assert [block["type"] for block in turn["content"]] == ["image", "image", "text"]
    # 3 requests of 6 fresh tokens at 2, 3 cached at 1, 1 written at 4, 3 new at 10
    assert read_usage(tmp_path / "usage.jsonl")["model"]["price"] == pytest.approx(3 * 49 / 1e6)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("tool_use", "tool_calls"),
    ],
)
def test_a_stop_reason_of_anthropic_is_an_outcome_with_a_name(told, named):
    [choice] = form_of("anthropic").choices(message(stop=told))
    assert (choice.text, choice.finish_reason) == ("four", named)


def test_an_empty_answer_is_one_and_a_malformed_one_is_asked_again():
    empty = message() | {"content": []}
    odd = message() | {"content": [{"type": "image"}]}
    with serve(lambda _, number: (200, empty if number else odd, {})) as (url, asked):
        [found] = answers(engine(url, "anthropic"), asking(), Sampling(0.0, 1.0, 20))
    assert (found.text, found.error, len(asked)) == ("", None, 2)
    assert asked[0]["body"]["temperature"] == 0.0
    assert "top_p" not in asked[0]["body"]


def test_openai_is_asked_with_n_and_tells_what_it_had_in_its_cache(tmp_path):
    with serve(openai()) as (url, asked):
        found = answers(engine(url, "openai", path=tmp_path / "usage.jsonl"), asking())
    assert ([r.text for r in found], len(asked)) == (["four"] * 3, 1)
    assert (asked[0]["body"]["n"], asked[0]["body"]["max_completion_tokens"]) == (3, 20)
    # 6 fresh tokens at 2, 4 cached at 1, 9 new at 10
    assert read_usage(tmp_path / "usage.jsonl")["model"]["price"] == pytest.approx(106 / 1e6)


def test_a_reasoning_model_gets_nothing_that_it_refuses():
    sampling = Sampling(0.7, 0.9, 20, samples=2, stop=("x",), bias=((4, 1.5),))
    refuses = ["n", "temperature", "top_p", "stop", "logit_bias"]
    with serve(openai(reasoning=True)) as (url, asked):
        plain = answers(engine(url, "openai"), asking(), sampling)
        told = engine(url, "openai", price=priced(omits=refuses))
        found = answers(told, asking(), sampling)
    assert "Unsupported parameter" in plain[0].error
    assert [r.error for r in found] == [None, None]
    assert len({row["body"]["seed"] for row in asked[-2:]}) == 2


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_key_stands_in_no_message_and_no_file(kind, monkeypatch, caplog, capfd, tmp_path):
    monkeypatch.setenv("A_PROVIDER_KEY", "sk-very-secret")
    caplog.set_level(logging.DEBUG)
    with serve(lambda *_: (401, {"error": "bad key sk-very-secret"}, {})) as (url, _):
        built = engine(url, kind, path=tmp_path / "usage.jsonl")
        with pytest.raises(ServerError, match="A_PROVIDER_KEY") as caught:
            answers(built, asking())
    told = str(caught.value) + caplog.text + "".join(capfd.readouterr()) + repr(vars(built))
    told += "".join(path.read_text() for path in tmp_path.iterdir())
    assert "sk-very-secret" not in told


def test_what_anthropic_cannot_do_is_said_before_it_is_asked():
    with pytest.raises(ValueError, match="bans no tokens"):
        answers(
            engine("http://127.0.0.1:9/v1", "anthropic"), asking(), Sampling(1, 1, 9, banned=(3,))
        )


def test_tokens_read_from_a_cache_and_written_into_it_have_prices_of_their_own():
    # 10 prompt tokens: 5 fresh at 2, 3 cached at 1, 2 written at 4; 7 new at 10
    assert Tokens(10, 7, cached=3, written=2).cost(priced()) == pytest.approx(91 / 1e6)
    assert Tokens(10, 7, 3, 2).cost(priced(), batch=True) == pytest.approx(45.5 / 1e6)
