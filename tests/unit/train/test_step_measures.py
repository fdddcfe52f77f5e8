"""How a step's metrics are measured: by how many forward passes, of which policy, over which steps."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch
from grpo_fixtures import episode_of_policy, learner, reference, update

from r1v3.train.grpo.passes import episode_passes
from r1v3.train.grpo.sampling.collect import episode_of, groups_of


@pytest.mark.parametrize(
    ("settings", "forwards"),
    [
        ({}, 2),  # one pass a prompt
        ({"updates_per_episode": 3}, 6),
        ({"minibatches": 2}, 4),
        ({"minibatches": 2, "updates_per_episode": 3, "old_logprobs": "engine"}, 8),
    ],
)
def test_on_policy_there_is_no_second_forward_pass(settings, forwards, monkeypatch):
    policy, seen = learner(), []
    episode = episode_of_policy(policy)
    monkeypatch.setattr("r1v3.train.grpo.passes.episode_rows.PROMPTS_A_PASS", 1)
    policy.module.register_forward_hook(lambda *_: seen.append(1))
    update(policy, episode, **settings)
    assert len(seen) == forwards


@pytest.mark.parametrize("settings", [{}, {"minibatches": 2, "updates_per_episode": 2}])
def test_the_masks_of_one_pass_exist_at_a_time(settings, monkeypatch):
    policy, seen = learner(), []
    episode = episode_of_policy(policy, prompts=4)
    monkeypatch.setattr("r1v3.train.grpo.passes.episode_rows.PROMPTS_A_PASS", 1)
    alive, build = [], episode_passes.pack_groups

    def noted(groups):
        pack = build(groups)
        alive.append(weakref.ref(pack.plan))
        return pack

    def count(*_):
        gc.collect()
        seen.append(sum(plan() is not None for plan in alive))

    monkeypatch.setattr(episode_passes, "pack_groups", noted)
    policy.module.register_forward_hook(count)
    update(policy, episode, **settings)
    assert len(seen) >= 4
    assert set(seen) <= {0, 1}


@pytest.mark.parametrize("below", ["trainer", "engine", "reference"])
def test_entropy_and_gap_are_those_of_the_policy_before_any_step(below):
    policy = learner()
    episode = episode_of_policy(policy)
    found = update(policy, episode, against=reference(), minibatches=2, old_logprobs=below)
    alone = update(learner(), episode)
    torch.testing.assert_close(found.entropy_N, alone.entropy_N, atol=1e-5, rtol=1e-5)
    assert found.metrics["logprob_gap_max"] < 1e-4


def test_several_updates_are_measured_as_their_mean():
    policy = learner()
    episode = episode_of_policy(policy, off_by=0.1)
    settings = {"old_logprobs": "engine"}
    apart = [update(policy, episode, **settings).metrics for _ in range(2)]
    assert apart[0]["clip_fraction"] != apart[1]["clip_fraction"]
    found = update(learner(), episode, updates_per_episode=2, **settings).metrics
    for name in ("loss", "clip_fraction", "grad_norm/llm", "grad_norm/connector"):
        assert found[name] == pytest.approx((apart[0][name] + apart[1][name]) / 2, rel=1e-5)


def test_minibatches_are_measured_by_their_tokens():
    policy = learner()
    episode = episode_of_policy(policy, prompts=3, off_by=0.1)
    groups = groups_of(episode)
    settings = {"old_logprobs": "engine"}
    parts = [episode_of(groups[:1]), episode_of(groups[1:])]
    apart = [update(policy, part, **settings).metrics for part in parts]
    found = update(learner(), episode, minibatches=2, **settings).metrics
    for name in ("loss", "clip_fraction", "grad_norm/llm", "grad_norm/vision_tower"):
        assert found[name] == pytest.approx((apart[0][name] + 2 * apart[1][name]) / 3, rel=1e-4)


def test_responses_that_are_masked_are_no_part_of_the_clip_fraction():
    policy = learner()
    episode = episode_of_policy(policy, off_by=0.5)  # the clip stops the first answer of each four
    cut = replace(episode.responses[0], finish_reason="length")
    episode = replace(episode, responses=[cut, *episode.responses[1:]])
    lengths = [len(response.token_ids) for response in episode.responses]
    found = update(policy, episode, overlong="mask", old_logprobs="engine").metrics
    assert found["clip_fraction"] == pytest.approx(lengths[4] / sum(lengths[1:]))
