"""Tokens chosen by entropy or covariance, on values worked out by hand and in a whole update."""

import pytest
import torch
from grpo_fixtures import episode_of_policy, grpo_settings, learner
from grpo_fixtures import update as update_policy

from r1v3.recipe.schema.training import ClipCov, KlCov
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.loss.token_choice import clip_cov, kl_cov, token_covariance, top_share
from r1v3.train.grpo.passes.episode_passes import gather_stats, plan_updates


def update(policy, episode, **settings):
    found = update_policy(policy, episode, rate=0.01, **settings)
    return found, [p.detach().clone() for p in policy.model.parameters()]


def test_covariance_is_the_product_of_deviations():
    # logp -1, -3: deviations 1, -1; advantages 2, 0: deviations 1, -1
    found = token_covariance(torch.tensor([-1.0, -3.0]), torch.tensor([2.0, 0.0]))
    assert found.tolist() == [1.0, 1.0]
    found = token_covariance(torch.tensor([-1.0, -3.0]), torch.tensor([0.0, 2.0]))
    assert found.tolist() == [-1.0, -1.0]


@pytest.mark.parametrize(
    ("share", "kept"), [(0.2, [4]), (0.5, [2, 3, 4]), (1.0, [0, 1, 2, 3, 4]), (1e-9, [4])]
)
def test_the_top_share_share_is_kept(share, kept):
    assert top_share(torch.arange(5.0), share).nonzero()[:, 0].tolist() == kept


def test_clip_cov_draws_among_the_tokens_between_its_bounds():
    covariance = torch.tensor([0.5, 1.5, 2.0, 9.0, 3.0, -4.0, 1.2, 0.0, 0.0, 0.0])
    rule = ClipCov(kind="clip", share=0.2, low=1.0, high=5.0)
    drawn = set()
    for seed in range(50):
        chosen = clip_cov(covariance, rule, seed=seed).nonzero()[:, 0].tolist()
        assert len(chosen) == 2
        drawn |= set(chosen)
        assert chosen == clip_cov(covariance, rule, seed=seed).nonzero()[:, 0].tolist()
    assert drawn == {1, 2, 4, 6}
    assert (
        clip_cov(covariance, rule.model_copy(update={"low": 10.0, "high": 11.0}), seed=0).sum() == 0
    )


def test_kl_cov_weighs_the_tokens_of_largest_covariance():
    rule = KlCov(kind="kl", share=0.5, weight=3.0)
    assert kl_cov(torch.tensor([1.0, 4.0, -9.0, 2.0]), rule).tolist() == [0.0, 3.0, 0.0, 3.0]


def test_tokens_left_out_get_no_gradient_and_the_others_keep_theirs():
    policy = learner()
    episode = episode_of_policy(policy)
    whole = update(policy, episode)[1]
    every = update(learner(), episode, top_entropy=1.0)[1]
    assert all(torch.equal(one, two) for one, two in zip(whole, every))
    few = update(learner(), episode, top_entropy=0.2)[1]
    assert not all(torch.equal(one, two) for one, two in zip(whole, few))


@pytest.mark.parametrize("rule", [None, {"kind": "clip", "share": 0.1, "low": -9.0, "high": 9.0}])
def test_what_is_chosen_does_not_depend_on_how_the_episode_is_split(rule, monkeypatch):
    policy = learner()
    episode = episode_of_policy(policy, prompts=3)
    settings = {"covariance": rule, "top_entropy": 0.5}
    at_once = update(policy, episode, **settings)
    monkeypatch.setattr("r1v3.train.grpo.passes.episode_rows.PROMPTS_A_PASS", 1)
    one_by_one = update(learner(), episode, **settings)
    assert at_once[0].metrics["loss"] == pytest.approx(one_by_one[0].metrics["loss"], abs=1e-6)
    for one, two in zip(at_once[1], one_by_one[1]):
        torch.testing.assert_close(one, two, atol=5e-4, rtol=0.0)  # a step is 1e-2
    torch.testing.assert_close(at_once[0].entropy_N, one_by_one[0].entropy_N)


def test_kl_cov_holds_tokens_back_from_the_second_step_on_alone():
    rule = {"kind": "kl", "share": 0.5, "weight": 50.0}
    policy = learner()
    episode = episode_of_policy(policy)
    wide = {"clip_low": 0.999, "clip_high": 1e9}  # KL-Cov does not clip
    free = update(policy, episode, **wide)[1]
    held = update(learner(), episode, covariance=rule)[1]
    assert all(torch.equal(one, two) for one, two in zip(free, held))
    free = update(learner(), episode, updates_per_episode=2, **wide)[1]
    held = update(learner(), episode, updates_per_episode=2, covariance=rule)[1]
    assert not all(torch.equal(one, two) for one, two in zip(free, held))


def test_minibatches_part_the_prompts_and_each_is_averaged_alone():
    policy = learner()
    episode = episode_of_policy(policy, prompts=3)
    plan = plan_updates(episode, grpo_settings(minibatches=2), Ranks(0, 1), blank=None)
    passes = plan.passes
    assert [(p.batch, p.rows) for p in passes] == [(0, slice(0, 4)), (1, slice(4, 12))]
    assert plan.minibatches == [slice(0, 4), slice(4, 12)]
    for part in passes:
        part.note_first(*(t.detach() for t in policy(part.build())))
    stats = gather_stats(passes[::-1], Ranks(0, 1))
    torch.testing.assert_close(stats.logp_N, stats.sampled_N, atol=1e-4, rtol=1e-4)
