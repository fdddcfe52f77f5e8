"""The objective of an update, token by token, at ratios worked out by hand."""

import math

import torch

from r1v3.recipe.schema.training import Cispo, Gspo, Sapo, WholeRatio
from r1v3.train.grpo.loss.surrogates import cispo, clipped, log_ratio_of_response, sapo, unclipped

LOG_RATIO_N = torch.tensor([2.0, 1.0, 0.5]).log()


def test_ppo_clips_a_ratio_only_where_that_makes_the_objective_smaller():
    objective_N, bound_N = clipped(LOG_RATIO_N, torch.tensor([1.0, 1.0, -1.0]), 0.2, 0.3)
    assert torch.allclose(objective_N, torch.tensor([1.3, 1.0, -0.8]))
    assert bound_N.tolist() == [True, False, True]


def test_without_a_clip_the_objective_is_ratio_times_advantage():
    objective_N, bound_N = unclipped(LOG_RATIO_N, torch.tensor([1.0, 2.0, -4.0]))
    assert torch.allclose(objective_N, torch.tensor([2.0, 2.0, -2.0]))
    assert not bound_N.any()


def test_cispo_caps_the_weight_and_keeps_the_gradient():
    logp_N = torch.tensor([-1.0, -1.0, -1.0], requires_grad=True)
    objective_N, bound_N = cispo(LOG_RATIO_N, logp_N, torch.ones(3), Cispo(kind="cispo", cap=1.5))
    objective_N.sum().backward()
    assert torch.allclose(logp_N.grad, torch.tensor([1.5, 1.0, 0.5]))
    assert bound_N.tolist() == [True, False, False]


def test_sapos_gradient_at_ratio_one_is_that_of_ratio_times_advantage():
    log_ratio_N = torch.zeros(2, requires_grad=True)
    rule = Sapo(kind="sapo", temperature_positive=1.0, temperature_negative=2.0)
    sapo(log_ratio_N, torch.tensor([3.0, -3.0]), rule)[0].sum().backward()
    assert torch.allclose(log_ratio_N.grad, torch.tensor([3.0, -3.0]))


def test_a_responses_ratio_is_the_mean_or_the_sum_of_its_tokens():
    log_ratio_N, response_N = torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0, 0, 1])
    length_R = torch.tensor([2, 1])
    mean_N = log_ratio_of_response(Gspo(kind="gspo"), log_ratio_N, response_N, length_R)
    sum_N = log_ratio_of_response(
        WholeRatio(kind="whole_ratio"), log_ratio_N * 100, response_N, length_R
    )
    assert mean_N.tolist() == [2.0, 2.0, 5.0]
    assert sum_N.tolist() == [80.0, 80.0, 80.0]  # held below what 32 bits can hold
    assert math.isfinite(sum_N.exp().sum())
