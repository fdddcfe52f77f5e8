"""Stored responses: asked once, matched to the exact request, and complete after a kill."""

from dataclasses import replace
from pathlib import Path

import pytest
from answering import SAMPLING, requests
from killing import killed_and_resumed
from model_fixtures import IMAGES, TEMPLATE, picture, small_model, small_processor

from r1v3.generate import Request, Response, Sampling, load_engine
from r1v3.generate.store import Store, read_responses, request_key
from r1v3.model.load import save_checkpoint
from r1v3.recipe.graph.configs import Answering

REQUEST = Request("q/1", "3+4=", (Path("aa/1f.png"),), seed=5)
GREEDY = Sampling(0.0, 1.0, 8)


def responses(request: Request, samples: int, text: str = "7") -> list[Response]:
    return [Response(request.key, n, text, (1,), (0.0,), "stop", 4) for n in range(samples)]


def test_a_request_has_another_key_whenever_anything_that_decides_its_samples_differs():
    def key(model="m", sampling=GREEDY, **changes):
        return request_key(model, replace(REQUEST, **changes), sampling)

    others = [
        key(model="other"),
        key(prompt="3+5="),
        key(images=(Path("aa/2f.png"),)),
        key(images=(picture(1),)),
        key(images=()),
        key(seed=6),
        key(sampling=replace(GREEDY, temperature=1.0)),
        key(sampling=replace(GREEDY, banned=(3,))),
        key(sampling=replace(GREEDY, thought_tokens=4)),
        key(sampling=replace(GREEDY, stop=("x",))),
    ]
    assert len({key(), *others}) == 1 + len(others)
    # A sample has its number, and a folder may be moved.
    assert key(sampling=replace(GREEDY, samples=5), images=(Path("/bb/1f.png"),)) == key()


def test_a_changed_template_is_asked_again_and_its_old_answers_are_gone(tmp_path):
    first = Store(tmp_path, "m")
    for request in first.missing(requests(), GREEDY):
        first.append(responses(request, 1, "old"))
    assert list(Store(tmp_path, "m").missing(requests(), GREEDY)) == []
    changed = requests(TEMPLATE.model_copy(update={"user_role": "user"}))
    second = Store(tmp_path, "m")
    asked = list(second.missing(changed, GREEDY))
    assert [r.key for r in asked] == [f"sums/{n}" for n in range(12)]  # the bomb has no template
    for request in asked:
        second.append(responses(request, 1, "new"))
    texts = {row["key"]: row["text"] for row in read_responses(tmp_path, "sums")}
    assert [key for key, text in texts.items() if text == "old"] == ["sums/bomb"]
    assert len(texts) == 13


def test_more_samples_are_asked_for_where_some_are_there(tmp_path):
    store = Store(tmp_path, "m")
    assert list(store.missing([REQUEST], GREEDY)) == [REQUEST]
    store.append(responses(REQUEST, 1))
    assert list(store.missing([REQUEST], GREEDY)) == []
    assert list(store.missing([REQUEST], replace(GREEDY, samples=2))) == [REQUEST]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "model"
    save_checkpoint(small_model(), small_processor(), folder)
    return folder


@pytest.mark.slow
def test_after_kill_9_only_what_is_missing_is_asked_and_nothing_differs(checkpoint, tmp_path):
    before, asked, rows = killed_and_resumed("transformers", checkpoint, tmp_path)
    total = len(requests()) * SAMPLING.samples
    assert 0 < before < total
    assert asked == total - before
    engine = load_engine(Answering(engine="transformers", mode="slow"), IMAGES, checkpoint)
    whole = {(r.key, r.sample): r for batch in engine.generate(requests(), SAMPLING) for r in batch}
    assert {at: row["text"] for at, row in rows.items()} == {at: r.text for at, r in whole.items()}
    poisoned = [row["error"] for row in rows.values() if "error" in row]
    assert len(poisoned) == SAMPLING.samples
    assert all("500 x 401" in error for error in poisoned)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"key": 1}',
        b"[" * 100_000,
        b'{"key": "a/1", "run": 0, "text": [{"type": "text"}], "finish_reason": "stop",'
        b' "tokens": 1, "prompt_tokens": 1}',
    ],
)
def test_a_stored_answer_that_cannot_be_read_is_named_and_asked_again(tmp_path, capsys, line):
    asked = [Request("a/1", "1+1=", (), 7), Request("a/2", "1+2=", (), 7)]
    sampling = replace(SAMPLING, samples=1)
    store = Store(tmp_path, "model")
    list(store.missing(asked, sampling))
    store.append([r for request in asked for r in responses(request, 1)])
    (shard,) = tmp_path.glob("a.*.jsonl")
    shard.write_bytes(line + b"\n" + shard.read_bytes().splitlines(keepends=True)[1])
    again = Store(tmp_path, "model")
    assert [request.key for request in again.missing(asked, sampling)] == ["a/1"]
    assert f"{shard}, line 1" in capsys.readouterr().out
    again.append(responses(asked[0], 1))
    assert {row["key"] for row in read_responses(tmp_path, "a")} == {"a/1", "a/2"}
    assert capsys.readouterr().out == ""
