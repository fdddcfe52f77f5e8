"""Surrogates in the whole update of an episode: several steps, passes and mini-batches."""

import math

import torch
from grpo_fixtures import episode_of_policy, grpo_settings, learner, update

from r1v3.recipe.tables.methods import changes_of


def weights_after(episode, **settings):
    policy = learner()
    found = update(policy, episode, minibatches=2, updates_per_episode=2, **settings)
    assert math.isfinite(found.metrics["loss"])
    return torch.cat([p.detach().flatten() for p in policy.model.parameters()])


def test_every_surrogate_takes_steps_of_its_own():
    episode = episode_of_policy(learner())
    found = {"clip": weights_after(episode)}
    for method in ("gspo", "cispo", "sapo", "rloo"):
        found[method] = weights_after(episode, **whole(changes_of(method, grpo_settings())))
    names = sorted(found)
    same = [(a, b) for a in names for b in names if a < b and torch.equal(found[a], found[b])]
    assert same == []


def whole(changes):
    """Return changes of sections as complete sections, as `grpo_settings` needs them."""
    advantage = {"ddof": 1, "epsilon": 1e-6} | changes.get("advantage", {})
    return changes | {"advantage": advantage}
