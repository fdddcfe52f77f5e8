"""RL with vLLM as the engine: after every update it samples from the current policy."""

import pytest

pytest.importorskip("pandas", reason="records and rollouts need it")

from data_fixtures import source_config
from grpo_fixtures import grpo_run
from model_fixtures import IMAGES, picture, small_processor
from training_fixtures import SOURCE
from vllm_models import write

from r1v3.data.prepare import prepare
from r1v3.generate import Request
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.types import Sampling
from r1v3.model.encode import Encoder
from r1v3.model.load import load_model
from r1v3.reward import format_reward
from r1v3.train.core.metrics import read_metrics
from r1v3.train.grpo.sampling import rollouts, sampler


@pytest.fixture
def parts(tmp_path, engine, monkeypatch):
    """Make a start and data, with the session's engine in place of one that the run would open."""
    monkeypatch.setattr(sampler, "open_vllm", lambda *_, **__: engine)
    prepare(source_config(SOURCE, 6, name="set"), tmp_path / "data")
    start = write(tmp_path / "start", 0)
    engine.sync_weights(start)
    yield start, tmp_path / "data"
    engine.sync_weights(start)  # a run leaves its engine offloaded
    rollouts.format_reward = format_reward


def run(parts, folder, **settings):
    generation = {"engine": "vllm", "mode": "slow"}
    facts = grpo_run(folder, *parts, generation=generation, prompts_per_step=6, **settings)
    return facts, read_metrics(folder / "metrics.jsonl")


def test_the_engine_follows_every_update_on_the_same_pictures(parts, tmp_path):
    facts, rows = run(parts, tmp_path / "run")  # four steps on the same six pictures
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert max(row["logprob_gap_max"] for row in rows) < 1e-3
    groups = facts["groups"]
    assert groups["before"]["connector"] != groups["after"]["connector"]


def test_the_engine_follows_merged_adapters_and_opens_the_checkpoint_that_they_leave(
    parts, tmp_path, engine, answers
):
    lora = {"rank": 4, "alpha": 64, "targets": {"llm": ["q_proj", "v_proj", "down_proj"]}}
    facts, rows = run(parts, tmp_path / "run", train=["connector", "llm"], lora=lora)
    assert max(row["logprob_gap_max"] for row in rows) < 1e-3
    groups = facts["groups"]
    assert groups["before"]["llm"] != groups["after"]["llm"]
    engine.wake()
    folder = tmp_path / "run" / "checkpoints" / "step-000004"
    engine.sync_weights(folder)
    theirs = TransformersEngine(load_model(folder), Encoder(small_processor(), IMAGES))
    greedy, asked = (
        Sampling(0.0, 1.0, 12),
        [Request("one", "<image>\nWhat?", (picture(1),), seed=1)],
    )
    one, two = answers(engine, asked, greedy)[0], answers(theirs, asked, greedy)[0]
    assert one.token_ids == two.token_ids
    assert one.logprobs == pytest.approx(two.logprobs, abs=1e-3)


def test_an_engine_that_keeps_the_old_weights_is_seen_in_the_gap(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(sampler.BesideTrainer, "sync_weights", lambda own, _: own.engine.wake())
    _, rows = run(parts, tmp_path / "run")
    assert rows[0]["logprob_gap_max"] < 1e-3
    assert rows[-1]["logprob_gap_max"] > 1e-2


def test_a_connector_that_did_not_arrive_stops_the_run(parts, tmp_path, engine, monkeypatch):
    monkeypatch.setattr(type(engine), "sync_weights", lambda *_: "another")
    with pytest.raises(RuntimeError, match="the engine's connector is not the trainer's"):
        run(parts, tmp_path / "run")


def test_an_offloaded_engine_does_not_answer(engine):
    engine.offload()
    with pytest.raises(RuntimeError, match="the engine is offloaded"):
        next(engine.generate([], Sampling(1.0, 1.0, 4, 1)))
    engine.wake()
