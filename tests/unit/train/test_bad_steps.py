"""GRPO stops before a step on gradients that are not numbers, and keeps the episode."""

import pytest
import torch
from data_fixtures import source_config
from grpo_fixtures import episode_of_policy, grpo_run, learner, update
from model_fixtures import small_model, small_processor
from training_fixtures import SOURCE

from r1v3.data.prepare import prepare
from r1v3.model.load import save_checkpoint
from r1v3.reward import format_reward
from r1v3.train.core.engine import WholeEngine
from r1v3.train.grpo.resume.saved_episodes import restore_episode
from r1v3.train.grpo.sampling import rollouts


def spoil(policy, value):
    weight = policy.model.model.multi_modal_projector.linear_2.weight
    weight.register_hook(lambda gradient: gradient * value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_is_not_stepped(value):
    policy = learner()
    episode = episode_of_policy(policy)
    before = policy.hashes()
    spoil(policy, value)
    with pytest.raises(FloatingPointError, match=r"^grad_norm/connector is (nan|inf)$"):
        update(policy, episode)
    assert policy.hashes() == before


def test_a_loss_that_is_no_number_is_not_stepped():
    policy = learner()
    episode = episode_of_policy(policy, off_by=float("inf"))
    before = policy.hashes()
    with pytest.raises(FloatingPointError, match=r"^loss is (nan|inf)"):
        update(policy, episode, old_logprobs="engine")
    assert policy.hashes() == before


def test_earlier_mini_batches_are_stepped_and_the_bad_one_is_not():
    policy = learner()
    episode = episode_of_policy(policy)
    steps, hooked = [], policy.step

    def step(rate):
        hooked(rate)
        steps.append(policy.hashes())
        spoil(policy, float("nan"))

    policy.step = step
    with pytest.raises(FloatingPointError, match="grad_norm/connector is nan"):
        update(policy, episode, minibatches=2)
    assert steps == [policy.hashes()]


def test_a_run_names_step_and_group_and_keeps_its_episode(tmp_path, monkeypatch):
    taken, step = [], WholeEngine.step

    def spoiled(self, rate):
        step(self, rate)
        taken.append(rate)
        spoil(self, float("nan"))

    monkeypatch.setattr(WholeEngine, "step", spoiled)
    save_checkpoint(small_model(), small_processor(), tmp_path / "start")
    prepare(source_config(SOURCE, 5, name="set"), tmp_path / "data")
    folders = (tmp_path / "run", tmp_path / "start", tmp_path / "data")
    with pytest.raises(FloatingPointError) as stopped:
        grpo_run(*folders)
    monkeypatch.setattr(rollouts, "format_reward", format_reward)
    said = str(stopped.value)
    kept = tmp_path / "run/resume/bad_steps/episode-000002.parquet"
    assert said.startswith("step 2: grad_norm/connector is nan; the step was not taken")
    assert said.endswith(str(kept))
    assert len(taken) == 1
    anyone = type("Anyone", (dict,), {"__missing__": lambda self, key: key})()
    episode = restore_episode(kept.parent, 2, anyone).episode
    assert len(episode.responses) == 12
    assert all(torch.isfinite(torch.tensor(r.logprobs)).all() for r in episode.responses)
