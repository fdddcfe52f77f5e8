"""Seconds and operations of a step: the timer, the rates of GRPO and the log of a supervised run."""

import pytest
from grpo_fixtures import episode_of_policy, grpo_settings, learner
from model_fixtures import small_model

from r1v3.train.core.metrics import read_metrics
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.records import timer as grpo_timer
from r1v3.train.grpo.records.speed import EpisodeSpeed
from r1v3.train.grpo.records.timer import StepTimer
from r1v3.train.sft import log as sft_log
from r1v3.train.sft.batches import Batch
from r1v3.train.sft.log import SftLog


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(grpo_timer, "time", clock)
    monkeypatch.setattr(sft_log, "time", clock)
    return clock


def test_laps_follow_each_other_and_phases_of_one_name_add_up(clock):
    timer = StepTimer()
    clock.now = 103.0
    timer.lap("generate")
    clock.now = 104.5
    timer.lap("update")
    timer.add(reward=0.25, update=0.5)
    clock.now = 105.0
    assert timer.seconds == {"generate": 3.0, "update": 2.0, "reward": 0.25}
    assert timer.total() == 5.0


def test_the_rates_of_an_episode_are_its_tokens_and_operations_over_their_seconds():
    settings = grpo_settings(updates_per_episode=2)
    speed = EpisodeSpeed(small_model(), settings, Ranks(0, 1))
    speed.peak = 1e6
    episode = episode_of_policy(learner(), prompts=1)
    phases = {"generate": 2.0, "update": 4.0}
    told = speed.of_step(episode, 10.0, phases)
    tokens = sum(len(response.token_ids) for response in episode.responses)
    assert told["speed/tokens_per_second"] == pytest.approx(tokens / 10)
    assert told["speed/generated_per_second"] == pytest.approx(tokens / 2)
    assert told["speed/update_mfu"] == pytest.approx(speed.flops(episode) / 4e6)
    assert (told["seconds_generate"], told["seconds_update"]) == (2.0, 4.0)


def test_a_prompt_counts_once_for_all_its_samples():
    speed = EpisodeSpeed(small_model(), grpo_settings(updates_per_episode=1), Ranks(0, 1))
    episode = episode_of_policy(learner(), prompts=1)
    (prompt,) = episode.prompts
    own, count = len(prompt.encoded.prompt_ids), speed.count
    lengths = [len(response.token_ids) for response in episode.responses]
    tokens = own + sum(length - 1 for length in lengths)
    # A response attends to its prompt and to itself; the prompt is computed once.
    squares = own**2 + sum((own + length - 1) ** 2 - own**2 for length in lengths)
    expected = count.token * tokens + count.token_squared * squares
    expected += count.response_token * sum(lengths) + count.tile * len(prompt.encoded.tiles)
    assert speed.flops(episode) == pytest.approx(expected)
    twice = EpisodeSpeed(small_model(), grpo_settings(updates_per_episode=2), Ranks(0, 1))
    assert twice.flops(episode) == pytest.approx(2 * expected)


def test_validation_and_saving_are_no_part_of_a_supervised_steps_speed(clock, tmp_path):
    log = SftLog(Ranks(0, 1), tmp_path, "sft", done=4, total=6)
    log.speed = type(log.speed)(1, 1e3)
    batch = Batch(packs=[], ids=["a", "b"], response_tokens=30, tokens=80, flops=1000.0)
    clock.now = 104.0
    log.updated()
    clock.now = 110.0  # six more seconds of validation
    log.record(5, {"loss": 1.5}, batch, waited=1.0)
    (row,) = read_metrics(tmp_path / "metrics.jsonl")
    assert (row["step"], row["loss"], row["seconds"]) == (5, 1.5, 10.0)
    assert row["speed/tokens_per_second"] == 20.0
    assert row["speed/samples_per_second"] == 0.5
    assert row["speed/mfu"] == pytest.approx(1000 / 4e3)
    assert row["speed/waiting"] == 0.25


def test_a_rank_that_is_not_the_first_writes_no_log(clock, tmp_path):
    log = SftLog(Ranks(1, 2), tmp_path, "sft", done=0, total=2)
    log.updated()
    log.record(1, {"loss": 1.0}, Batch([], [], 0, 0, 0.0), waited=0.0)
    assert not (tmp_path / "metrics.jsonl").exists()
