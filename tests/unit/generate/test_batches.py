"""The providers' batch interfaces: each batch is sent once, whatever happens to the process."""

import pytest
from batch_server import Anthropic, OpenAI, serve_batches
from model_fixtures import IMAGES, TEMPLATE
from prices import priced
from providers import anthropic, openai

from r1v3.generate import Request, Sampling
from r1v3.generate.server.batches import Batches
from r1v3.generate.server.endpoint import Endpoint, ServerError
from r1v3.generate.server.engine import RemoteModel, ServerEngine, form_of
from r1v3.generate.server.replies import Replies
from r1v3.generate.server.tokens import Tokens, prompt_tokens
from r1v3.generate.server.usage import BudgetReached, Usage, read_usage
from r1v3.model.prompt_template import render_prompt

TWICE = Sampling(1.0, 1.0, 1000, samples=2)
KINDS = {"openai": (OpenAI, openai), "anthropic": (Anthropic, anthropic)}
both = pytest.mark.parametrize("kind", list(KINDS))


def provider(kind, **more):
    made, script = KINDS[kind]
    return made(script(), **more)


def engine(url, kind, folder, *, budget=None):
    endpoint = Endpoint(
        url,
        attempts=2,
        timeout=5.0,
        per_minute=None,
        first_wait=0.01,
        key_variable="NO_KEY",
        wire=form_of(kind).wire,
    )
    usage, replies = Usage(folder / "usage.jsonl", priced(), budget), Replies(folder, "0-of-1")
    form, place = form_of(kind), folder / "batches"
    batches = Batches(endpoint, kind, form, "model", place, replies, usage, seconds=0.01)
    return ServerEngine(
        RemoteModel(endpoint, "model", kind, IMAGES, concurrency=2),
        usage,
        replies=replies,
        batches=batches,
    )


def asking(key, question="2+2="):
    return Request(key, render_prompt(TEMPLATE, question, "nothink"), (), seed=7)


def answers(built, requests):
    found = [response for batch in built.generate(requests, TWICE) for response in batch]
    return sorted((r.key, r.sample, r.text, r.error) for r in found)


ALL = [
    ("a", 0, "four", None),
    ("a", 1, "four", None),
    ("b", 0, "four", None),
    ("b", 1, "four", None),
]
REQUESTS = [asking("a"), asking("b")]


@both
def test_a_batch_brings_all_answers_for_half_the_price(kind, tmp_path):
    there = provider(kind)
    with serve_batches(there) as url:
        assert answers(engine(url, kind, tmp_path), REQUESTS) == ALL
    assert len(there.batches) == 1
    assert len(there.requests()) == {"openai": 2, "anthropic": 4}[kind]
    # OpenAI: 2 requests of 6 fresh and 4 cached prompt tokens and 6 new; Anthropic: 4 of 49 millionths
    whole = {"openai": 2 * (6 * 2 + 4 + 6 * 10), "anthropic": 4 * 49}[kind]
    spent = read_usage(tmp_path / "usage.jsonl")["model"]["price"]
    assert spent == pytest.approx(whole / 2 / 1e6)
    assert not list((tmp_path / "batches").iterdir())
    assert not list(tmp_path.glob("replies.*"))


@both
def test_a_killed_process_asks_for_the_same_batch_again(kind, tmp_path, monkeypatch):
    there = provider(kind)
    with serve_batches(there) as url:
        with monkeypatch.context() as patch:
            patch.setattr(Batches, "_wait", lambda _, batches: killed_with(batches))
            killed = engine(url, kind, tmp_path)
            with pytest.raises(KeyboardInterrupt):
                answers(killed, REQUESTS)
        alone = engine(url, kind, tmp_path)  # while the first is alive, its batch is left to it
        alone.batches.resume()
        assert len(list((tmp_path / "batches").glob("*.json"))) == 1
        free(killed)
        assert answers(engine(url, kind, tmp_path), REQUESTS) == ALL
    assert len(there.batches) == 1


def killed_with(something):
    if something:
        raise KeyboardInterrupt


def free(killed):
    """Release a batch, as the system does for a process that has ended."""
    for lock in killed.batches._locks.values():
        lock.release()


@both
def test_a_process_killed_before_it_knew_the_id_finds_its_batch_among_others(
    kind, tmp_path, monkeypatch
):
    there = provider(kind)
    count = {"openai": 2, "anthropic": 4}[kind]
    there.add("others_0", [(f"x{n}", {}) for n in range(count)])
    there.outcome = lambda name, body, status, reply: None if body else (None, {"message": "old"})
    with serve_batches(there) as url:
        with monkeypatch.context() as patch:
            keep = Batches._keep

            def killed_then(self, batch):
                if batch.id:
                    raise KeyboardInterrupt
                keep(self, batch)

            patch.setattr(Batches, "_keep", killed_then)
            killed = engine(url, kind, tmp_path)
            with pytest.raises(KeyboardInterrupt):
                answers(killed, REQUESTS)
        free(killed)
        assert answers(engine(url, kind, tmp_path), REQUESTS) == ALL
    assert len(there.batches) == 2  # the others', and one of ours


@both
def test_a_process_killed_before_it_sent_gives_back_what_it_set_aside(kind, tmp_path, monkeypatch):
    there = provider(kind)
    with serve_batches(there) as url:
        with monkeypatch.context() as patch:
            form = {"openai": "OpenAIBatches", "anthropic": "AnthropicBatches"}[kind]
            patch.setattr(
                f"r1v3.generate.server.batch_forms.{form}.create",
                lambda *_: killed_with("a batch to send"),
            )
            killed = engine(url, kind, tmp_path, budget=0.03)
            with pytest.raises(KeyboardInterrupt):
                answers(killed, REQUESTS)
        free(killed)
        assert answers(engine(url, kind, tmp_path, budget=0.03), REQUESTS) == ALL
    assert len(there.batches) == 1


@both
def test_a_batch_whose_reply_was_lost_is_not_sent_again(kind, tmp_path):
    there = provider(kind, lost=[500])
    with serve_batches(there) as url:
        assert answers(engine(url, kind, tmp_path), REQUESTS) == ALL
    assert len(there.batches) == 1


@both
def test_what_expires_is_asked_again_and_what_is_refused_is_an_error(kind, tmp_path):
    there, tried = provider(kind), []
    refused = {"error": {"type": "invalid_request_error", "code": None, "message": "too long"}}

    def outcome(name, body, status, reply):
        if "bad" in str(body["messages"]):
            return 400, refused
        tried.append(name)
        return (None, {"code": "batch_expired", "message": "late"}) if len(tried) == 1 else None

    there.outcome = outcome
    with serve_batches(there) as url:
        found = answers(engine(url, kind, tmp_path), [asking("a"), asking("b", "bad")])
    assert found[:2] == ALL[:2]
    assert [row[3] for row in found[2:]] == ["too long", "too long"]
    assert len(there.batches) == 2
    assert len(there.batches[list(there.batches)[1]]["requests"]) == 1
    used = read_usage(tmp_path / "usage.jsonl")["model"]
    assert used["requests"] == {"openai": 1, "anthropic": 2}[kind]


@both
def test_a_budget_sends_what_has_room_then_more_and_is_never_exceeded(kind, tmp_path):
    there = provider(kind)
    requests = [asking(f"q{n}") for n in range(5)]
    samples = {"openai": 2, "anthropic": 1}[kind]
    bound = prompt_tokens(requests[0], priced())[1]
    most = Tokens(bound, 1000 * samples).cost(priced(), batch=True)
    with serve_batches(there) as url:
        found, given = set(), engine(url, kind, tmp_path, budget=1.002 * most)
        with pytest.raises(BudgetReached, match="stops here"):
            found.update(batch[0].key for batch in given.generate(requests, TWICE))
        sizes = [len(batch["requests"]) for batch in there.batches.values()]
        assert set(sizes) == {1}  # one has room at a time
        spent = read_usage(tmp_path / "usage.jsonl")["model"]["price"]
        assert spent <= 1.002 * most
        rest = [request for request in requests if request.key not in found]
        assert rest
        built = engine(url, kind, tmp_path, budget=1.0)
        assert len(answers(built, rest)) == 2 * len(rest)
    names = [name for name, _ in there.requests()]
    assert len(names) == len(set(names))  # nothing was sent twice


def test_a_batch_that_is_refused_as_a_whole_costs_nothing_and_may_be_sent_again(tmp_path):
    there = provider("openai")
    show = there.show
    failed = {"status": "failed", "errors": {"data": [{"message": "too many tokens wait"}]}}
    there.show = lambda id: show(id) | failed
    with serve_batches(there) as url:
        with pytest.raises(ServerError, match="too many tokens wait"):
            answers(engine(url, "openai", tmp_path, budget=0.05), REQUESTS)
        there.show = show
        assert answers(engine(url, "openai", tmp_path, budget=0.05), REQUESTS) == ALL
