"""Equations 6 and 7 on values worked out by hand."""

import pytest
import torch

from r1v3.recipe.schema.training import Advantage, LengthStage
from r1v3.train.grpo.loss.advantage import advantages, group_advantage, zero_variance_groups
from r1v3.train.grpo.loss.policy_loss import Surrogate, policy_loss
from r1v3.train.grpo.trainer import response_limit


def surrogate(**changed):
    settings = {
        "clip_low": 0.2,
        "clip_high": 0.2,
        "kl": 0.0,
        "kl_estimator": "k1",
        "aggregation": "sequence_mean",
        "responses": 2,
        "tokens": 3,
        "longest": 4,
    }
    return Surrogate(**settings | changed)


SPREAD = Advantage(ddof=0, epsilon=0.0)
TWO_RESPONSES = {
    "advantage_R": torch.tensor([1.0, -1.0]),
    "response_N": torch.tensor([0, 0, 1]),
    "length_R": torch.tensor([2, 1]),
}


def test_a_group_of_equal_rewards_teaches_nothing():
    assert group_advantage(torch.ones(1, 4), SPREAD).tolist() == [[0.0] * 4]
    assert zero_variance_groups(torch.tensor([[1.0, 1.0], [0.0, 1.0]])) == 0.5


def test_advantages_are_deviations_over_the_spread():
    # rewards 1, 0, 0, 0: mean 1/4; deviations 3/4, -1/4; variance 3/16 (ddof 0) or 1/4 (ddof 1)
    rewards = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    population = group_advantage(rewards, SPREAD)
    assert population[0].tolist() == pytest.approx([3**0.5, *[-(3**-0.5)] * 3])
    sample = group_advantage(rewards, Advantage(ddof=1, epsilon=0.0))
    assert sample[0].tolist() == pytest.approx([1.5, -0.5, -0.5, -0.5])


def test_a_group_of_one_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        advantages(torch.ones(3, 1), SPREAD)


def by(estimator: str, rewards, ddof=0):
    return advantages(torch.tensor(rewards), Advantage(ddof=ddof, epsilon=0.0, estimator=estimator))


def test_each_estimator_compares_with_what_its_paper_says():
    # groups 1, 0, 0 (mean 1/3) and 1, 1, 1: what is equal within a group teaches nothing but under `global`
    rewards = [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    assert by("group_mean", rewards)[0].tolist() == pytest.approx([2 / 3, -1 / 3, -1 / 3])
    # the others' means: 0, 1/2, 1/2
    assert by("leave_one_out", rewards)[0].tolist() == pytest.approx([1.0, -0.5, -0.5])
    # mean of all 2/3, variance 2/9
    spread = (2 / 9) ** 0.5
    assert by("global", rewards).tolist() == [
        pytest.approx([1 / 3 / spread, -2 / 3 / spread, -2 / 3 / spread]),
        pytest.approx([1 / 3 / spread] * 3),
    ]
    # deviations 2/3, -1/3, -1/3, 0, 0, 0: variance (4 + 1 + 1) / 9 / 6 = 1/9
    assert by("group_mean_global", rewards)[0].tolist() == pytest.approx([2.0, -1.0, -1.0])
    for estimator in ("group", "group_mean", "leave_one_out", "group_mean_global"):
        assert by(estimator, rewards)[1].tolist() == [0.0] * 3


@pytest.mark.parametrize(
    "estimator", ["group", "group_mean", "leave_one_out", "global", "group_mean_global"]
)
def test_equal_rewards_teach_nothing_whatever_the_estimator(estimator):
    # 0.2 eight times has a mean that rounding moves
    assert by(estimator, [[0.2] * 8, [0.2] * 8], ddof=1).tolist() == [[0.0] * 8] * 2


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("sequence_mean", 0.0),  # (mean(1, 1) + mean(-1)) / 2
        ("token_mean", -1 / 3),  # -(1 + 1 - 1) / 3
        ("constant", -1 / 8),  # -(1 + 1 - 1) / (4 tokens x 2 responses)
    ],
)
def test_on_policy_loss_is_the_aggregated_advantage(aggregation, expected):
    logp = torch.tensor([-1.0, -2.0, -3.0])
    loss, facts = policy_loss(
        surrogate(aggregation=aggregation), logp_N=logp, old_logp_N=logp, **TWO_RESPONSES
    )
    assert loss.item() == pytest.approx(expected)
    assert facts["clipped"] == 0


def test_the_clip_stops_a_ratio_that_went_too_far_the_right_way():
    # ratios 1.5, 0.5, 0.5 with advantages 1, 1, -1 and clips at 0.8 and 1.2:
    # min(1.5, 1.2) = 1.2; min(0.5, 0.8) = 0.5; min(-0.5, -0.8) = -0.8
    old = torch.zeros(3)
    logp = torch.tensor([1.5, 0.5, 0.5]).log()
    loss, facts = policy_loss(surrogate(), logp_N=logp, old_logp_N=old, **TWO_RESPONSES)
    assert loss.item() == pytest.approx(-((1.2 + 0.5) / 2 - 0.8) / 2)
    assert facts["clipped"] == 2


def test_the_clip_counts_only_tokens_that_count():
    logp, keep = torch.tensor([1.5, 0.5, 0.5]).log(), torch.tensor([0.0, 1.0, 1.0])
    parts = {"logp_N": logp, "old_logp_N": torch.zeros(3), **TWO_RESPONSES}
    assert policy_loss(surrogate(), **parts)[1] == {"clipped": 2, "kept": 3}
    assert policy_loss(surrogate(), keep_N=keep, **parts)[1] == {"clipped": 1, "kept": 2}


def test_a_clipped_token_gets_no_gradient():
    logp = torch.tensor([1.5, 1.0, 1.0]).log().requires_grad_()
    loss, _ = policy_loss(surrogate(), logp_N=logp, old_logp_N=torch.zeros(3), **TWO_RESPONSES)
    loss.backward()
    # -(A x ratio) / (length x responses): 0 where clipped, -1/4, and 1/2 for the second response
    assert logp.grad.tolist() == pytest.approx([0.0, -0.25, 0.5])


def test_the_penalty_is_the_log_ratio_to_the_reference():
    logp = torch.tensor([-1.0, -1.0, -1.0])
    reference = torch.tensor([-1.5, -1.0, -2.0])
    loss, _ = policy_loss(
        surrogate(kl=0.1),
        logp_N=logp,
        old_logp_N=logp,
        reference_logp_N=reference,
        **TWO_RESPONSES,
    )
    # advantages cancel; 0.1 x (mean(0.5, 0) + 1) / 2
    assert loss.item() == pytest.approx(0.1 * (0.25 + 1.0) / 2)


def test_lengths_rise_by_the_schedule():
    stages = [LengthStage(step=0, tokens=4096), LengthStage(step=75, tokens=8192)]
    assert [response_limit(stages, step) for step in (0, 74, 75, 200)] == [4096, 4096, 8192, 8192]
