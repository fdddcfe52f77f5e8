"""The engine behind a server, against a scripted one on loopback."""

import base64
import contextlib
import http.client
import io
import logging
import socket
import threading
import time

import pytest
from model_fixtures import IMAGES, TEMPLATE, picture, small_processor
from PIL import Image
from prices import priced
from scripted_server import completion, serve

from r1v3.generate import Request, Sampling, load_engine
from r1v3.generate.server.endpoint import Endpoint, RefusedRequest, ServerError
from r1v3.generate.server.engine import RemoteModel, ServerEngine, form_of
from r1v3.generate.server.serving import Serving
from r1v3.generate.server.usage import Usage, read_usage
from r1v3.generate.thinking import Thinking
from r1v3.model.prompt_template import render_prompt
from r1v3.recipe.graph.configs import Answering, ThinkingChanges

GREEDY = Sampling(0.0, 1.0, 20)


def engine(
    url,
    *,
    kind="vllm",
    concurrency=4,
    per_minute=None,
    path=None,
    changes=None,
    timeout=5.0,
    budget=None,
    replies=None,
):
    endpoint = Endpoint(
        url,
        attempts=3,
        timeout=timeout,
        per_minute=per_minute,
        first_wait=0.01,
        key_variable="R1V3_SERVER_KEY",
        wire=form_of(kind).wire,
    )
    return ServerEngine(
        RemoteModel(endpoint, "model", kind, IMAGES, concurrency, Thinking(changes, None)),
        Usage(path, priced(), budget),
        replies=replies,
    )


def asking(key, question="2+2=", images=(), mode="slow", **more):
    return Request(key, render_prompt(TEMPLATE, question, mode), images, seed=7, **more)


def answers(built, requests, sampling=GREEDY):
    found = [response for batch in built.generate(requests, sampling) for response in batch]
    return sorted(found, key=lambda r: (r.key, r.sample))


def test_a_prompt_travels_as_turns_and_the_opened_reply_is_continued():
    with serve(lambda body, _: (200, completion(body), {})) as (url, asked):
        sampling = Sampling(1.0, 0.9, 20, samples=2, stop=("\n\n",), banned=(3,), bias=((4, 1.5),))
        found = answers(engine(url), [asking("a")], sampling)
    body = asked[0]["body"]
    assert asked[0]["path"] == "/v1/chat/completions"
    assert body["messages"] == [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "2+2="},
        {"role": "assistant", "content": "<think>"},
    ]
    assert body["continue_final_message"] is True
    assert (body["n"], body["temperature"], body["top_p"], body["seed"]) == (2, 1.0, 0.9, 7)
    assert (body["max_tokens"], body["stop"]) == (20, ["\n\n"])
    assert body["logit_bias"] == {"3": -100.0, "4": 1.5}
    assert [(r.key, r.sample, r.text) for r in found] == [("a", 0, "four"), ("a", 1, "four")]
    assert found[0].token_ids == (5, 6, 7)
    assert found[0].logprobs == (-0.5, -0.5, -0.5)
    assert (found[0].finish_reason, found[0].prompt_tokens, found[0].tokens) == ("stop", 10, 3)


def test_a_closed_model_keeps_its_own_template():
    with serve(lambda body, _: (200, completion(body), {})) as (url, asked):
        answers(engine(url, kind="openai"), [asking("a")])
    body = asked[0]["body"]
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["max_completion_tokens"] == 20
    assert not {"return_token_ids", "continue_final_message", "max_tokens"} & set(body)


def test_pictures_are_data_urls_in_the_places_of_their_markers(tmp_path):
    picture(1).save(tmp_path / "a.png")
    request = asking("a", "<image>\nand <image> too", (tmp_path / "a.png", picture(2)))
    with serve(lambda body, _: (200, completion(body), {})) as (url, asked):
        answers(engine(url), [request])
    parts = asked[0]["body"]["messages"][1]["content"]
    assert [part["type"] for part in parts] == ["image_url", "text", "image_url", "text"]
    assert [part["text"] for part in parts[1::2]] == ["\nand ", " too"]
    for part, seed in zip(parts[::2], (1, 2)):
        head, _, content = part["image_url"]["url"].partition(",")
        assert head == "data:image/png;base64"
        sent = Image.open(io.BytesIO(base64.b64decode(content)))
        assert sent.tobytes() == picture(seed).tobytes()


def test_busy_and_broken_servers_are_asked_again_and_a_wait_asked_for_is_kept():
    replies = [(429, {}, {"Retry-After": "0.3"}), (503, {}, {})]

    def script(body, number):
        return replies[number] if number < 2 else (200, completion(body), {})

    with serve(script) as (url, asked):
        found = answers(engine(url), [asking("a")])
    assert found[0].text == "four"
    assert len(asked) == 3
    assert asked[1]["at"] - asked[0]["at"] >= 0.3


def test_a_reply_that_does_not_come_in_time_is_asked_for_again():
    def script(body, number):
        if number == 0:
            time.sleep(0.6)
        return 200, completion(body), {}

    with serve(script) as (url, asked):
        found = answers(engine(url, timeout=0.2), [asking("a")])
    assert (found[0].text, len(asked)) == ("four", 2)


def test_a_poisoned_request_is_recorded_and_the_rest_goes_on(tmp_path):
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    requests = [
        asking("bad_picture", "<image>", (tmp_path / "cut.png",)),
        asking("bomb", "<image>", (picture(1, 500, 401),)),
        asking("good"),
        asking("outside", "<image>", (tmp_path / "in" / ".." / "a.png",), root=tmp_path / "in"),
        asking("too_long", "x" * 5000),
        asking("unlucky", "crash"),
    ]

    def script(body, _):
        question = str(body["messages"][1]["content"])
        if "xxx" in question:
            return 400, {"error": "longer than the context"}, {}
        return (500, {}, {}) if "crash" in question else (200, completion(body), {})

    with serve(script) as (url, _):
        found = answers(engine(url), requests, Sampling(1.0, 1.0, 20, samples=2))
    errors = {response.key: response.error for response in found}
    assert len(found) == 12
    assert errors["good"] is None
    assert "UnidentifiedImageError" in errors["bad_picture"]
    assert "500 x 401" in errors["bomb"]
    assert "outside the data root" in errors["outside"]
    assert "longer than the context" in errors["too_long"]
    assert errors["unlucky"] == "HTTP 500 in 3 attempts"
    assert {r.finish_reason for r in found if r.error} == {"error"}


def test_a_server_that_is_away_stops_the_job_and_records_nothing():
    with serve(lambda *_: (503, {}, {})) as (url, asked), pytest.raises(ServerError, match="503"):
        answers(engine(url, concurrency=2), [asking(f"q{n}") for n in range(60)])
    assert len(asked) < 60


def test_what_failed_while_the_server_was_away_is_asked_again_at_the_end():
    def script(body, number):
        return (503, {}, {}) if 3 <= number < 12 else (200, completion(body), {})

    with serve(script) as (url, _):
        found = answers(engine(url, concurrency=2), [asking(f"q{n}") for n in range(9)])
    assert [response.key for response in found] == [f"q{n}" for n in range(9)]
    assert {response.error for response in found} == {None}


def test_a_server_that_leaves_before_the_end_records_no_error():
    def script(body, number):
        return (200, completion(body), {}) if number < 3 else (503, {}, {})

    requests, found = [asking(f"q{n}") for n in range(5)], []
    with serve(script, models=lambda: 503) as (url, _), pytest.raises(ServerError, match="503"):
        found.extend(
            r for own in engine(url, concurrency=2).generate(requests, GREEDY) for r in own
        )
    assert len(found) == 3
    assert {response.error for response in found} == {None}


def test_a_wrong_key_stops_the_job_and_stands_in_no_message(monkeypatch, caplog, capfd, tmp_path):
    monkeypatch.setenv("R1V3_SERVER_KEY", "sk-very-secret")
    caplog.set_level(logging.DEBUG)
    with serve(lambda *_: (401, {"error": "bad key sk-very-secret"}, {})) as (url, asked):
        built = engine(url, path=tmp_path / "usage.jsonl")
        with pytest.raises(ServerError) as caught:
            answers(built, [asking("a")])
    assert asked[0]["headers"]["Authorization"] == "Bearer sk-very-secret"
    assert "R1V3_SERVER_KEY" in str(caught.value)
    told = str(caught.value) + caplog.text + "".join(capfd.readouterr()) + repr(vars(built))
    assert "sk-very-secret" not in told


def test_a_key_that_no_header_can_hold_is_refused_unseen(monkeypatch):
    monkeypatch.setenv("R1V3_SERVER_KEY", "sk-very\nsecret")
    with pytest.raises(ServerError, match="R1V3_SERVER_KEY holds") as caught:
        answers(engine("http://127.0.0.1:9/v1"), [asking("a")])
    assert "secret" not in str(caught.value)


def test_a_redirect_does_not_carry_the_key_away(monkeypatch):
    monkeypatch.setenv("R1V3_SERVER_KEY", "sk-very-secret")
    with serve(lambda body, _: (200, completion(body), {})) as (elsewhere, asked):
        moved = {"Location": f"{elsewhere}/chat/completions"}
        with serve(lambda *_: (307, {}, moved)) as (url, _):
            (found,) = answers(engine(url), [asking("a")])
    assert not asked
    assert found.error.startswith("HTTP 307")


def test_a_server_on_this_machine_is_asked_past_any_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serve(lambda body, _: (200, completion(body), {})) as (url, asked):
        (found,) = answers(engine(url), [asking("a")])
    assert (found.error, len(asked)) == (None, 1)


def test_tokens_and_price_are_counted_in_a_file_over_several_starts(tmp_path):
    path = tmp_path / "usage.jsonl"
    with serve(lambda body, _: (200, completion(body), {})) as (url, _):
        answers(engine(url, path=path), [asking("a"), asking("b")])
        again = engine(url, path=path)
        answers(again, [asking("c")], Sampling(1.0, 1.0, 20, samples=2))
    with path.open("a") as file:
        file.write('{"key": "cut')
    # three requests of 10 prompt tokens; four samples of 3 tokens; 2 and 10 a million
    assert read_usage(path)["model"] == {
        "requests": 3,
        "attempts": 3,
        "prompt_tokens": 30,
        "cached_tokens": 0,
        "new_tokens": 12,
        "price": pytest.approx((30 * 2 + 12 * 10) / 1e6),
    }
    assert again.usage.total["requests"] == 1


def test_requests_fly_together_up_to_the_limit():
    four, lock, flying = threading.Barrier(4), threading.Lock(), [0]
    peaks = []

    def script(body, _):
        with lock:
            flying[0] += 1
            peaks.append(flying[0])
        four.wait(timeout=60)  # until four are there
        time.sleep(0.1)  # a fifth would come now
        with lock:
            flying[0] -= 1
        return 200, completion(body), {}

    with serve(script) as (url, asked):
        answers(engine(url, concurrency=4), [asking(f"q{n}") for n in range(8)])
    assert len(asked) == 8
    assert max(peaks) == 4


def test_the_rate_is_kept():
    with serve(lambda body, _: (200, completion(body), {})) as (url, asked):
        answers(engine(url, per_minute=600), [asking(f"q{n}") for n in range(5)])
    times = sorted(row["at"] for row in asked)
    assert times[-1] - times[0] >= 0.35


def test_a_server_without_n_is_asked_for_each_sample_with_a_seed_of_its_own():
    with serve(lambda body, _: (200, completion(body | {"n": 1}), {})) as (url, asked):
        found = answers(engine(url), [asking("a")], Sampling(1.0, 1.0, 20, samples=3))
    assert [response.sample for response in found] == [0, 1, 2]
    assert sorted(row["body"]["seed"] for row in asked) == [7, 8, 9]


def test_a_thought_over_its_budget_is_closed_and_the_answer_asked_for():
    def script(body, _):
        opened = body["messages"][-1]["content"]
        if "</think>" in opened:
            return 200, completion(body, text="\\boxed{4}"), {}
        return 200, completion(body, text="hm hm hm", finish="length"), {}

    changes = ThinkingChanges(thought_tokens=3, max_new_tokens=8, close="</think>\n")
    with serve(script) as (url, asked):
        found = answers(engine(url, changes=changes), [asking("a")])
        with pytest.raises(ValueError, match="vllm server"):
            answers(engine(url, changes=changes, kind="openai"), [asking("a")])
    assert [row["body"]["max_tokens"] for row in asked] == [3, 8]
    assert asked[1]["body"]["messages"][-1]["content"] == "<think>hm hm hm</think>\n"
    assert (found[0].text, found[0].tokens) == ("hm hm hm</think>\n\\boxed{4}", 6)
    assert found[0].finish_reason == "stop"


def test_the_ids_of_a_forced_close_are_told_where_the_tokenizer_is_known():
    def script(body, _):
        closed = "</think>" in body["messages"][-1]["content"]
        return 200, completion(body, finish="stop" if closed else "length"), {}

    changes = ThinkingChanges(thought_tokens=3, max_new_tokens=8, close="</think>\n")
    tokenizer = small_processor().tokenizer
    with serve(script) as (url, _):
        built = engine(url)
        built.thinking = Thinking(changes, tokenizer)
        (found,) = answers(built, [asking("a")])
    closing = tuple(tokenizer("</think>\n", add_special_tokens=False)["input_ids"])
    assert found.token_ids == (5, 6, 7, *closing, 5, 6, 7)
    assert found.logprobs == (-0.5,) * 3 + (0.0,) * len(closing) + (-0.5,) * 3
    assert found.tokens == len(found.token_ids)


def test_the_recipe_opens_the_server_of_the_environment(monkeypatch, tmp_path):
    generation = Answering(engine="server", mode="slow")
    monkeypatch.delenv("R1V3_SERVER_URL", raising=False)
    with pytest.raises(ValueError, match="R1V3_SERVER_URL"):
        load_engine(generation, IMAGES, tmp_path)
    with serve(lambda body, _: (200, completion(body), {})) as (url, asked):
        monkeypatch.setenv("R1V3_SERVER_URL", url)
        monkeypatch.setenv("R1V3_SERVER_MODEL", "served")
        monkeypatch.setenv("R1V3_SERVER_PRICE", "1/2")
        built = load_engine(generation, IMAGES, tmp_path, Serving(tmp_path))
        answers(built, [asking("a")])
    assert asked[0]["body"]["model"] == "served"
    assert list(read_usage(tmp_path / "usage.jsonl")) == ["served"]


@pytest.mark.parametrize(
    "address",
    ["http://user:secret@127.0.0.1/v1", "ftp://host/v1", "http://host:secret/v1", "host/v1"],
)
def test_a_malformed_address_or_one_with_a_password_is_refused(address):
    with pytest.raises(ValueError, match="without a password") as caught:
        engine(address)
    assert "secret" not in str(caught.value)


def replying(change):
    """Run a server whose completions are changed before they are sent."""

    def script(body, _):
        reply = completion(body)
        change(reply)
        return 200, reply, {}

    return serve(script)


def test_parts_of_text_are_read_as_one_answer():
    parts = [{"type": "text", "text": "fo"}, {"type": "text", "text": "ur"}]
    with replying(lambda reply: reply["choices"][0]["message"].update(content=parts)) as (url, _):
        assert [r.text for r in answers(engine(url), [asking("a")])] == ["four"]


@pytest.mark.parametrize(
    ("told", "named"),
    [("content_filter", "content_filter"), ("tool_calls", "tool_calls"), (None, "stop")],
)
def test_how_a_choice_ended_is_an_outcome_with_a_name(told, named):
    def change(reply):
        reply["choices"][0] |= {"finish_reason": told}
        reply["choices"][0]["message"]["content"] = None

    with replying(change) as (url, _):
        (found,) = answers(engine(url), [asking("a")])
    assert (found.text, found.finish_reason, found.error) == ("", named, None)


def odd(path, value):
    def change(reply):
        here = reply
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = value

    return change


ODD = [
    odd(["choices"], 7),
    odd(["choices"], {"a": 1}),
    odd(["choices"], ["a", "b"]),
    odd(["choices"], [None]),
    odd(["choices", 0, "message"], "hello"),
    odd(["choices", 0, "message"], None),
    odd(["choices", 0, "message", "content"], 7),
    odd(["choices", 0, "message", "content"], ["a"]),
    odd(["choices", 0, "message", "content"], [{"type": "image_url", "text": "a"}]),
    odd(["choices", 0, "message", "content"], {"text": "a"}),
    odd(["choices", 0, "finish_reason"], 3),
    odd(["choices", 0, "token_ids"], ["a", None]),
    odd(["choices", 0, "token_ids"], [True, -1]),
    odd(["choices", 0, "token_ids"], 5),
    odd(["choices", 0, "logprobs"], [1]),
    odd(["choices", 0, "logprobs"], {"content": [{"token": "a"}]}),
    odd(["choices", 0, "logprobs"], {"content": [{"logprob": float("nan")}]}),
    odd(["usage"], [1]),
    odd(["usage"], {"prompt_tokens": "x", "completion_tokens": "y"}),
    odd(["usage"], {"prompt_tokens": float("nan")}),
    odd(["usage"], {"prompt_tokens": 10**30, "completion_tokens": 10**30}),
    odd(["choices", 0, "token_ids"], [10**30]),
    odd(["choices", 0, "logprobs"], {"content": [{"logprob": 0.5}]}),
    odd(["choices", 0, "logprobs"], {"content": [{"logprob": 10**400}]}),
    odd(["choices", 0, "logprobs"], {"content": [{"logprob": -(10**400)}]}),
    odd(["choices", 0, "finish_reason"], "error"),
    odd(["choices", 0, "finish_reason"], "insufficient_system_resource"),
]


@pytest.mark.parametrize("change", ODD)
def test_a_reply_of_the_wrong_type_is_retried_then_unanswered(change, tmp_path):
    def script(body, _):
        reply = completion(body)
        if "bad" in str(body["messages"]):
            change(reply)
        return 200, reply, {}

    with serve(script) as (url, asked):
        found = answers(engine(url, path=tmp_path / "usage"), [asking("a"), asking("b", "bad")])
    assert (found[0].text, found[0].error) == ("four", None)
    assert found[1].finish_reason == "error"
    assert "3 attempts" in found[1].error
    assert len(asked) == 1 + 2 * 3  # three attempts, and three more at the end


def read_request(connection):
    """Read a request to its last byte, because closing a socket with unread bytes resets the connection."""
    with connection.makefile("rb") as request:
        request.readline()
        request.read(int(http.client.parse_headers(request)["Content-Length"]))


@contextlib.contextmanager
def raw_endpoint(speak):
    """Return an endpoint whose server calls `speak` with each connection after the request."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve_all():
            while True:
                with contextlib.suppress(OSError):
                    connection, _ = server.accept()
                    with connection:
                        read_request(connection)
                        speak(connection)

        threading.Thread(target=serve_all, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        yield Endpoint(
            url, attempts=1, timeout=0.5, per_minute=None, first_wait=0.01, key_variable="ABSENT"
        )


def test_a_reply_that_trickles_ends():
    """Send each byte in time, and never the last one."""

    def trickle(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")
        for _ in range(400):
            connection.sendall(b" ")
            time.sleep(0.05)

    said = "the reply was not whole after 5 s"
    with raw_endpoint(trickle) as endpoint, pytest.raises(RefusedRequest, match=said):
        endpoint.ask({})


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 8\r\n\r\n\x1b[31mno\n", r"HTTP 400: \\x1b\[31mno"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", "Unicode"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "incomplete chunked read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "received 1 bytes, expected 500"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>", "JSONDecodeError"),
        (b"SSH-2.0-OpenSSH\r\n", "RemoteProtocolError"),
        (b"", "RemoteProtocolError|ReadError"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_reply_are_told_in_one_line(reply, said):
    served = raw_endpoint(lambda connection: connection.sendall(reply))
    with served as endpoint, pytest.raises(RefusedRequest, match=said) as told:
        endpoint.ask({})
    assert str(told.value).isprintable()


def test_a_reply_that_is_odd_once_is_asked_again():
    def script(body, number):
        return 200, completion(body) if number else {"choices": 7}, {}

    with serve(script) as (url, _):
        assert [r.text for r in answers(engine(url), [asking("a")])] == ["four"]
