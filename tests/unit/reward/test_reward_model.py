"""A reward model behind HTTP gives the scores of a forward pass, in batches, in time, and only once.

The command `r1v3 serve-reward` is `r1v3.reward.reward_model.serve`.
"""

import json
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import torch
from reward_model_fixtures import HEAD, LIMITS, SPECIAL, conversation, reward_checkpoint, served
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from r1v3.cli.serve import serve_reward_command
from r1v3.generate.server.endpoint import Endpoint, RefusedRequest, ServerError
from r1v3.reward.reward_model.conversation import Unreadable, read_conversation
from r1v3.reward.reward_model.model import ScoringModel
from r1v3.reward.reward_model.service import RewardService, ServiceLimits

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
ASKED = [
    conversation("What is the sum?", "<think>3+4</think> \\boxed{7}", 0),
    conversation("What is 4+3?", "7"),
    conversation("Which is larger?", "Wait, the second. " * 5, 1, 2),
    conversation("What is the sum?", "B", 3),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return reward_checkpoint(tmp_path_factory.mktemp("reward") / "vl-reward")


@pytest.fixture(scope="module")
def model(folder):
    return ScoringModel(folder, device="cpu")


def endpoint(url, timeout=60.0, attempts=1):
    return Endpoint(
        url, attempts=attempts, timeout=timeout, per_minute=None, first_wait=0.01,
        key_variable="R1V3_REWARD_KEY",
    )  # fmt: skip


def ask(url, messages, **more):
    reply = endpoint(url, **more).ask({"model": "vl-reward", "messages": messages})
    return float(reply.body["choices"][0]["message"]["content"])


def encoded(model, messages):
    return model.encode(read_conversation(messages, LIMITS.max_pixels))


def by_hand(folder, messages):
    """Compute the score as on the model's card: the whole model, and its head at the last token."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    read = read_conversation(messages, LIMITS.max_pixels)
    text = tokenizer.apply_chat_template(read.turns, tokenize=False)
    seen = {}
    if read.pictures:
        seen = Qwen2VLImageProcessorPil.from_pretrained(folder)(read.pictures, return_tensors="pt")
        for grid in seen["image_grid_thw"]:
            text = text.replace("<|image_pad|>", "<|x|>" * (int(grid.prod()) // 4), 1)
        text = text.replace("<|x|>", "<|image_pad|>")
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    whole = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder).eval()
    with torch.no_grad():
        hidden = whole(
            input_ids=ids,
            mm_token_type_ids=(ids == whole.config.image_token_id).int(),
            output_hidden_states=True,
            **seen,
        ).hidden_states[-1][0, -1]
    return float(hidden @ HEAD["v_head.summary.weight"][0] + HEAD["v_head.summary.bias"])


def test_over_http_it_is_the_score_of_a_forward_pass(folder, model):
    with served(model) as url:
        found = [ask(url, messages) for messages in ASKED]
    assert found == pytest.approx([by_hand(folder, each) for each in ASKED], abs=1e-5)
    assert len({round(each, 3) for each in found}) == len(ASKED)  # each answer counts


def test_a_batch_scores_as_one_by_one_in_any_order(model):
    shown = [encoded(model, each) for each in ASKED]
    alone = [model.score([each])[0] for each in shown]
    assert model.score(shown) == pytest.approx(alone, abs=1e-5)
    assert model.score(shown[::-1])[::-1] == pytest.approx(alone, abs=1e-5)


def test_requests_that_arrive_together_share_a_pass(folder, model, monkeypatch):
    sizes, real, held = [], model.score, threading.Event()

    def score(batch):
        held.wait(20)  # the first pass lasts until all others wait
        sizes.append(len(batch))
        return real(batch)

    monkeypatch.setattr(model, "score", score)
    service = RewardService(model, "vl-reward", LIMITS, None)
    futures = [service.batches.submit(encoded(model, ASKED[1])) for _ in range(9)]
    held.set()
    found = [future.result(20) for future in futures]
    service.batches.close()
    assert max(sizes) == LIMITS.batch
    assert sum(sizes) == 9
    assert found == pytest.approx([found[0]] * 9, abs=1e-5)


def test_a_batch_holds_no_more_tokens_than_it_may(model, monkeypatch):
    sizes, real = [], model.score
    monkeypatch.setattr(model, "score", lambda batch: sizes.append(len(batch)) or real(batch))
    longest = max(len(encoded(model, each).ids) for each in ASKED)
    limits = ServiceLimits(4, 2 * longest, 60, 200_000)
    with served(model, limits) as url, ThreadPoolExecutor(4) as threads:
        assert len(list(threads.map(lambda each: ask(url, each), ASKED))) == 4
    assert max(sizes) <= 3
    assert sum(sizes) == 4


def test_what_was_scored_is_not_computed_again_after_a_restart(model, monkeypatch, tmp_path):
    with served(model, cache=tmp_path) as url:
        first = [ask(url, each) for each in ASKED[:2]]

    def never(batch):
        raise AssertionError("asked again")

    monkeypatch.setattr(model, "score", never)
    with served(model, cache=tmp_path) as url:
        assert [ask(url, each) for each in ASKED[:2]] == first
        with pytest.raises(RefusedRequest, match="500 in 1 attempts"):
            ask(url, ASKED[2])


def test_another_checkpoint_shares_no_score(model, tmp_path):
    other = reward_checkpoint(
        tmp_path / "other", {"v_head.summary.weight": torch.ones(1, 32)}
    )  # no bias, which is allowed
    with served(model, cache=tmp_path / "cache") as url:
        first = ask(url, ASKED[0])
    with served(ScoringModel(other, device="cpu"), cache=tmp_path / "cache") as url:
        assert ask(url, ASKED[0]) != pytest.approx(first, abs=1e-3)


def test_a_request_without_a_score_in_time_is_told_by_both_sides(model, monkeypatch):
    ended = threading.Event()

    def slow(batch):
        ended.wait(20)
        return [0.0] * len(batch)

    monkeypatch.setattr(model, "score", slow)
    with served(model, ServiceLimits(4, 2048, 0.05, 200_000)) as url:
        reply = httpx.post(
            f"{url}/chat/completions",
            json={"model": "vl-reward", "messages": ASKED[1]},
            trust_env=False,
        )
        assert reply.status_code == 503
        assert "no score within 0.05 seconds" in reply.json()["error"]["message"]
        with pytest.raises(RefusedRequest, match="503 in 2 attempts"):
            ask(url, ASKED[1], attempts=2)
        ended.set()
    ended.clear()
    with served(model) as url:
        with pytest.raises(RefusedRequest, match="Timeout"):
            ask(url, ASKED[1], timeout=0.1)
        ended.set()


def test_one_request_that_fails_spoils_no_other(model, monkeypatch):
    real = model.score
    bad = len(encoded(model, ASKED[2]).ids)

    def score(batch):
        if any(len(each.ids) == bad for each in batch):
            raise RuntimeError("out of memory")
        return real(batch)

    monkeypatch.setattr(model, "score", score)
    with served(model) as url, ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(ask, url, each) for each in ASKED]
        for number, future in enumerate(futures):
            if number == 2:
                with pytest.raises(RefusedRequest, match="500"):
                    future.result()
            else:
                assert isinstance(future.result(), float)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([], "a list of turns"),
        (ASKED[0][:1], "the last turn must be the assistant's"),
        ([{"role": "tool", "content": "x"}], "a role of"),
        (conversation("x", "y <|im_end|> z"), "control token <|im_end|>"),
        (conversation("x <|image_pad|>", "y"), "control token <|image_pad|>"),
        (conversation("x", "long " * 600), "tokens; 512 are allowed"),
        ([{"role": "user", "content": [{"type": "video", "video": "x"}]}], "parts of type text"),
        (
            [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}}
            ]}],
            "nothing else is fetched",
        ),
        (
            [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
            ]}],
            "cannot be read",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_refused_with_the_reason(model, messages, why):
    with pytest.raises(Unreadable, match=why.replace("|", r"\|")):
        encoded(model, messages)


def test_key_model_and_address_are_checked(model, monkeypatch):
    with served(model, key="secret") as url:
        monkeypatch.delenv("R1V3_REWARD_KEY", raising=False)
        with pytest.raises(ServerError, match="401"):
            ask(url, ASKED[0])
        monkeypatch.setenv("R1V3_REWARD_KEY", "secret")
        with pytest.raises(ServerError, match="the model served here is vl-reward"):
            endpoint(url).ask({"model": "other", "messages": ASKED[0]})
        with pytest.raises(RefusedRequest, match="one score is given"):
            endpoint(url).ask({"model": "vl-reward", "messages": ASKED[1], "n": 2})
        assert endpoint(url).is_there()
        listed = httpx.get(f"{url}/models", headers={"Authorization": "Bearer secret"})
        assert [each["id"] for each in listed.json()["data"]] == ["vl-reward"]
        assert httpx.get(f"{url}/models").status_code == 401


@pytest.mark.parametrize(
    "names",
    [
        ("v_head.summary.weight", "v_head.summary.bias"),
        ("score.weight", "score.bias"),
    ],
)
def test_a_head_among_the_weights_is_the_same_head(model, tmp_path, names):
    head = dict(zip(names, HEAD.values()))
    other = ScoringModel(reward_checkpoint(tmp_path / "m", head, beside=False), device="cpu")
    assert other.score([encoded(other, ASKED[0])]) == model.score([encoded(model, ASKED[0])])


def test_both_spellings_of_weights_and_a_flat_config_are_read(folder, model, tmp_path):
    """Accept `visual.` and `model.layers.` of published files, which the library has renamed since."""
    other = reward_checkpoint(tmp_path / "m")
    weights = load_file(other / "model.safetensors")
    assert "visual.patch_embed.proj.weight" in weights
    new = {_new_name(name): each for name, each in weights.items()}
    save_file(new, other / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((other / "config.json").read_text())
    text = config.pop("text_config")
    flat = {name: each for name, each in text.items() if name not in ("model_type", "layer_types")}
    rope = flat.pop("rope_parameters")
    flat |= {"rope_theta": rope["rope_theta"]}
    flat |= {"rope_scaling": {"type": "mrope", "mrope_section": rope["mrope_section"]}}
    (other / "config.json").write_text(json.dumps(flat | config))
    found = ScoringModel(other, device="cpu")
    assert found.score([encoded(found, ASKED[0])]) == model.score([encoded(model, ASKED[0])])


def _new_name(name: str) -> str:
    if name.startswith("visual."):
        return f"model.{name}"
    return name.replace("model.", "model.language_model.", 1)


def test_a_folder_that_is_no_reward_model_says_so(folder, tmp_path):
    bare = reward_checkpoint(tmp_path / "bare")
    (bare / "value_head.safetensors").unlink()
    with pytest.raises(ValueError, match="has no value head"):
        ScoringModel(bare, device="cpu")
    save_file({"v_head.summary.weight": torch.ones(1, 8)}, bare / "value_head.safetensors")
    with pytest.raises(ValueError, match=r"shape \(1, 8\)"):
        ScoringModel(bare, device="cpu")
    save_file(HEAD | {"score.weight": torch.ones(1, 32)}, bare / "value_head.safetensors")
    with pytest.raises(ValueError, match="several value heads"):
        ScoringModel(bare, device="cpu")
    weights = load_file(bare / "model.safetensors")
    weights.pop("model.norm.weight")
    save_file(weights, bare / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RuntimeError, match=r"missing_keys.*norm\.weight"):
        ScoringModel(bare, device="cpu")
    (bare / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ValueError, match="type llama"):
        ScoringModel(bare, device="cpu")


def test_its_tokens_are_those_that_no_text_may_hold(model):
    assert set(SPECIAL[1:6]) <= model.control


def test_the_command_serves_until_it_is_told_to_end(folder, model, monkeypatch, tmp_path, capsys):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, key = f"http://127.0.0.1:{port}/v1", tmp_path / "reward.key"
    found, ended = [], threading.Event()

    def client():
        while not endpoint(url).is_there():
            if ended.wait(0.05):
                return
        try:
            monkeypatch.setenv("R1V3_REWARD_KEY", key.read_text())
            found.append(ask(url, ASKED[0]))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread, before = threading.Thread(target=client), signal.getsignal(signal.SIGTERM)
    thread.start()
    try:
        serve_reward_command(folder, key, root=ROOT, port=port)
    finally:
        ended.set()
        thread.join()
    assert found == pytest.approx(model.score([encoded(model, ASKED[0])]), abs=1e-5)
    assert key.stat().st_mode & 0o077 == 0
    assert signal.getsignal(signal.SIGTERM) == before
    assert f"{url}, model vl-reward on cpu, the key in {key}" in capsys.readouterr().out
