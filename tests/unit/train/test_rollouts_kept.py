"""Rollouts on disk, the page that shows them, and what a step measures of them."""

import json

import pandas as pd
import pytest
import torch
from grpo_fixtures import grpo_settings
from model_fixtures import small_model, small_processor
from page_reader import without_tags

from r1v3.cli.app import app
from r1v3.data.records import Record
from r1v3.generate.types import Response
from r1v3.model.groups import train_only
from r1v3.recipe.schema.recipe import Entropy
from r1v3.train.core.engine import WholeEngine
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.weight_movement import WeightMovement
from r1v3.train.entropy.critical import CriticalTokens
from r1v3.train.entropy.readings import Readings
from r1v3.train.grpo.records.episode_metrics import entropy_metrics, logprob_metrics, reward_metrics
from r1v3.train.grpo.records.rollout_log import write_rollouts
from r1v3.train.grpo.records.rollout_page import choose_rollouts, write_rollout_page
from r1v3.train.grpo.sampling.collect import episode_of, groups_of
from r1v3.train.grpo.sampling.prompts import Prompt
from r1v3.train.grpo.sampling.rollouts import Episode

ENTROPY = Entropy(
    critical_words=["Wait"], control_words=["No"], minimum_count=2, threshold=1.0, resamples=50
)
TEXTS = ["3+4=7. Wait, 7.", "3", "No <b>.", "7777"]


def record(name, source):
    return Record(
        id=name, question="?", options=None, answer="7", answer_type="open", images=(), domain="plain",
        difficulty="normal", language="en", source=source, licence="x", split="train", response=None, meta={},
    )  # fmt: skip


@pytest.fixture
def critical():
    return CriticalTokens(small_processor().tokenizer, ["Wait"])


@pytest.fixture
def episode():
    tokenizer = small_processor().tokenizer
    ids = [tuple(tokenizer(text)["input_ids"]) for text in TEXTS]
    responses = [
        Response(f"q{n // 2}", n % 2, text, ids[n], (-0.5,) * len(ids[n]), "stop", 5)
        for n, text in enumerate(TEXTS)
    ]
    prompts = [Prompt(record("q0", "a"), "", None), Prompt(record("q1", "b"), "", None)]
    accuracy, form = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    reasons = [
        ("rule:number", "equals 7"),
        ("rule:different", "3, not 7"),
        ("none", "-"),
        ("none", "-"),
    ]
    return Episode(prompts, responses, accuracy, form, 0.8 * accuracy + 0.2 * form, reasons)


def entropies(episode):
    return torch.arange(sum(len(r.token_ids) for r in episode.responses)) / 10


def test_every_rollout_is_written_with_what_its_critical_tokens_felt(episode, critical, tmp_path):
    entropy_N = entropies(episode)
    path = write_rollouts(tmp_path, 3, episode, entropy_N, critical, share=1.0, seed=0)
    rows = pd.read_parquet(path)
    assert path.name == "step-000003.parquet"
    assert rows["text"].tolist() == TEXTS
    assert rows["reward"].tolist() == pytest.approx([1.0, 0.2, 0.0, 0.2])
    (place,) = critical.words(episode.responses[0].token_ids)
    assert rows.critical_positions[0].tolist() == [place]
    assert rows.critical_entropies[0].tolist() == pytest.approx([float(entropy_N[place])])
    assert rows.reason[1] == "3, not 7"
    assert rows.token_ids[3].tolist() == list(episode.responses[3].token_ids)


def test_groups_that_were_discarded_are_kept_and_say_so(episode, critical, tmp_path):
    used, unused = groups_of(episode)[1:], groups_of(episode)[:1]  # the one with a critical token
    where, felt = tmp_path / "run" / "rollouts", entropies(episode)
    options = {"share": 1.0, "seed": 0}
    path = write_rollouts(where, 1, episode_of(used), felt, critical, unused=unused, **options)
    rows = pd.read_parquet(path)
    assert rows.prompt.tolist() == ["q1", "q1", "q0", "q0"]
    assert rows.used.tolist() == [True, True, False, False]
    assert len(rows.critical_positions[2]) == 1
    assert rows.critical_entropies[2] is None  # no forward pass has seen it
    page = tmp_path / "page.html"
    shown = write_rollout_page(tmp_path / "run", page, count=4)
    assert shown == {"Best": 2, "Worst": 2, "Most changed, first and last": 0}
    assert (
        "2 of them were not learned from; the mean reward of the others is 0.100"
        in without_tags(page.read_text())
    )
    write_rollouts(where, 2, episode, felt, critical, **options)
    write_rollout_page(tmp_path / "run", page, count=4)
    assert page.read_text().count("; not learned from)") == 1  # the first answer of q0


def test_a_share_keeps_whole_groups_and_the_same_ones_again(episode, critical, tmp_path):
    kept = set()
    for step in range(40):
        path = write_rollouts(
            tmp_path, step, episode, entropies(episode), critical, share=0.5, seed=0
        )
        rows = pd.read_parquet(path) if path else pd.DataFrame({"prompt": []})
        assert set(rows.groupby("prompt").size()) <= {2}
        kept.add(len(rows))
    assert kept == {0, 2, 4}
    where = (tmp_path, 1, episode, entropies(episode), critical)
    assert write_rollouts(*where, share=0.0, seed=0) is None


def test_the_page_shows_best_worst_and_most_changed_as_text(episode, critical, tmp_path):
    run = tmp_path / "run"
    for step in (1, 2):
        write_rollouts(
            run / "rollouts", step, episode, entropies(episode), critical, share=1.0, seed=0
        )
    shown = write_rollout_page(run, tmp_path / "page.html", count=2)
    assert shown == {"Best": 2, "Worst": 2, "Most changed, first and last": 4}
    text = (tmp_path / "page.html").read_text()
    assert "No &lt;b&gt;." in text
    assert "<b>." not in text
    link = tmp_path / "rl.json"
    link.write_text(json.dumps({"folder": str(run)}))
    page = tmp_path / "again.html"
    app(["browse", str(link), "--output", str(page), "--count", "2"], standalone_mode=False)
    assert page.read_text() == text
    with pytest.raises(ValueError, match="keep_rollouts"):
        write_rollout_page(tmp_path, tmp_path / "page.html")


def test_most_changed_is_the_prompt_whose_mean_reward_moved_most():
    rows = [
        {"step": step, "prompt": prompt, "sample": sample, "reward": reward}
        for step, prompt, rewards in (
            (1, "a", (0, 0)), (2, "a", (1, 1)), (1, "b", (1, 0)), (2, "b", (1, 0)), (2, "c", (0, 0)),
        )
        for sample, reward in enumerate(rewards)
    ]  # fmt: skip
    changed = choose_rollouts(pd.DataFrame(rows).assign(used=True), 1)[
        "Most changed, first and last"
    ]
    assert changed[["step", "prompt", "reward"]].values.tolist() == [[1, "a", 0], [2, "a", 1]]


def test_rewards_are_told_by_source_and_groups_that_differ_in_format_alone(episode):
    found = reward_metrics(episode)
    assert found["reward/a"] == pytest.approx(0.6)
    assert found["reward/b"] == pytest.approx(0.1)
    assert (found["zero_variance_groups"], found["zero_variance_in_accuracy"]) == (0.0, 0.5)
    assert found["advantage_spread"] == pytest.approx((0.8 / 2**0.5 + 0.2 / 2**0.5) / 2)


def test_entropy_is_read_at_the_word_after_it_and_at_sentence_starts(episode, critical):
    entropy_N = entropies(episode)
    readings = Readings(small_processor().tokenizer, ENTROPY, seed=0)
    found = entropy_metrics(entropy_N, episode.responses, readings, 2)
    (place,) = critical.words(episode.responses[0].token_ids)
    assert found["critical_token_entropy"] == found["emitted/mean"]
    assert found["emitted/mean"] == pytest.approx(float(entropy_N[place]))
    assert found["emitted/next"] == pytest.approx(float(entropy_N[place + 1]))
    assert found["candidate/count"] == 5  # two sentences in the first response, one in each other
    assert (found["control/count"], found["critical_tokens"]) == (1, 1)
    assert "emitted/low" not in found  # one is less than the minimum of two
    assert found["candidate/low"] <= found["candidate/mean"] <= found["candidate/high"]
    high = sum(count for _, count in found["high_entropy_tokens"])
    assert high == int((entropy_N > 1.0).sum())
    assert sum(found["entropy_histogram"]) == len(entropy_N)
    assert found["entropy_histogram"][0] == 5  # 0.0 to 0.4


def test_trainer_and_engine_are_compared_and_the_covariance_has_its_sign():
    logp, sampled = torch.tensor([-1.0, -2.0]), torch.tensor([-1.0, -1.9])
    found = logprob_metrics(logp, sampled, torch.tensor([1.0, -1.0]))
    assert found["logprob_gap_max"] == pytest.approx(0.1)
    assert found["logprob_gap_mean"] == pytest.approx(0.05)
    assert found["logprob_gap_share"] == 0.5  # 1.05 is 0.049 nats
    assert found["covariance"] == pytest.approx(0.5)


def test_weights_are_watched_from_the_start_and_from_step_to_step():
    model = small_model()
    train_only(model, ["connector"])
    engine = WholeEngine(model, model, grpo_settings().optimizer, Ranks(0, 1))
    movement = WeightMovement(engine, ["connector"])
    parameter = next(p for p in model.parameters() if p.requires_grad)
    for _ in range(2):
        with torch.no_grad():
            parameter.flatten()[0] += 3.0
        found = movement.measure()
    assert set(found) == {"update_norm/connector", "weight_drift/connector"}
    assert found["update_norm/connector"] == pytest.approx(3.0, rel=1e-5)
    assert found["weight_drift/connector"] == pytest.approx(6.0, rel=1e-5)
