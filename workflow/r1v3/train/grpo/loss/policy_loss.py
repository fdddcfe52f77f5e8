"""Equation 7: the clipped surrogate loss of GRPO, aggregated as the recipe says.

The report averages the tokens of each response first and then the responses (`sequence_mean`). The
framework that it names averages over all tokens (`token_mean`). `constant` divides by the most tokens that
a response may have, as Dr. GRPO does (arXiv 2503.20783).

Shapes: N tokens of all responses, R responses.
"""

from dataclasses import dataclass
from typing import Literal, assert_never

import torch

from r1v3.recipe.schema.training import Cispo, Gspo, Sapo, WholeRatio
from r1v3.train.grpo.loss.surrogates import (
    Objective,
    cispo,
    clipped,
    log_ratio_of_response,
    sapo,
    unclipped,
)

Aggregation = Literal["sequence_mean", "token_mean", "constant"]
KlEstimator = Literal["k1", "k2", "k3"]


@dataclass(frozen=True)
class Surrogate:
    """The settings and counts that the loss of a mini-batch depends on.

    `responses` and `tokens` count the whole mini-batch, so the losses of its passes add up to its loss.

    Attributes:
        clip_low, clip_high: the ratio is clipped to [1 - clip_low, 1 + clip_high].
        kl: weight of the KL penalty.
        longest: most tokens that a response may have.
        rule: another paper's rule in place of the clip of each token's ratio; None for the clip.
    """

    clip_low: float
    clip_high: float
    kl: float
    kl_estimator: KlEstimator
    aggregation: Aggregation
    responses: int
    tokens: int
    longest: int
    rule: Gspo | Cispo | Sapo | WholeRatio | None = None


def token_weights(
    surrogate: Surrogate, response_N: torch.Tensor, length_R: torch.Tensor
) -> torch.Tensor:
    """Compute the weight of each token in the loss, of shape (N,).

    Args:
        response_N: number of the response that each token belongs to.
        length_R: tokens of each response.
    """
    if surrogate.aggregation == "sequence_mean":
        return 1.0 / (length_R[response_N] * surrogate.responses)
    if surrogate.aggregation == "token_mean":
        return torch.full(response_N.shape, 1.0 / surrogate.tokens, device=response_N.device)
    if surrogate.aggregation == "constant":
        share = 1.0 / (surrogate.longest * surrogate.responses)
        return torch.full(response_N.shape, share, device=response_N.device)
    assert_never(surrogate.aggregation)


def divergence(
    estimator: KlEstimator, logp_N: torch.Tensor, reference_logp_N: torch.Tensor
) -> torch.Tensor:
    """Estimate the KL divergence from the reference at each token, in nats, of shape (N,).

    The names follow Schulman's note. `k1` is the log-ratio of equation 7. Its value is unbiased, but
    on-policy its expected gradient is 0, so it does not hold the policy near the reference. `k2` is half the
    square of the log-ratio. `k3` is r - 1 - log r with r = reference / policy.

    Args:
        logp_N: log-probability of each token under the policy, nats.
        reference_logp_N: log-probability of each token under the reference, nats.
    """
    log_ratio_N = logp_N - reference_logp_N
    if estimator == "k1":
        return log_ratio_N
    if estimator == "k2":
        return log_ratio_N.square() / 2
    if estimator == "k3":
        return (-log_ratio_N).exp() - 1 + log_ratio_N
    assert_never(estimator)


def policy_loss(
    surrogate: Surrogate,
    *,
    logp_N: torch.Tensor,
    old_logp_N: torch.Tensor,
    advantage_R: torch.Tensor,
    response_N: torch.Tensor,
    length_R: torch.Tensor,
    keep_N: torch.Tensor | None = None,
    reference_logp_N: torch.Tensor | None = None,
    kl_weight_N: torch.Tensor | None = None,
    mismatch_N: torch.Tensor | None = None,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Compute the GRPO loss of some responses (report, eq. 7).

    The importance ratio is the policy's probability divided by that of `old_logp_N`. In a single on-policy
    step the two are the same, so the ratio is 1 and the clip has no effect.

    Args:
        logp_N: log-probability of each token under the policy, nats, differentiable.
        old_logp_N: log-probability under the policy in the denominator of the ratio, nats.
        advantage_R: advantage of each response.
        response_N: number of the response that each token belongs to.
        length_R: tokens of each response.
        keep_N: 1 for tokens that count and 0 for others; None if all count.
        reference_logp_N: log-probability under the reference, nats; required if `kl` is not 0.
        kl_weight_N: KL-Cov's weight of each token's |log-ratio|; if given, nothing is clipped.
        mismatch_N: weight of each token's objective that corrects for the engine; None for weights of 1.
            It does not apply to the penalties.

    Returns:
        The loss, a scalar, and two token counts: `kept` is the number of tokens that count, `clipped` the
        number of those whose ratio the clip (or the rule in its place) changed.
    """
    weight_N = token_weights(surrogate, response_N, length_R)
    kept_N = torch.ones_like(weight_N, dtype=torch.bool)
    if keep_N is not None:
        weight_N, kept_N = weight_N * keep_N, keep_N > 0
    objective_N, acted_N = _objective(
        surrogate,
        logp_N,
        old_logp_N,
        advantage_R[response_N],
        response_N,
        length_R,
        clip=kl_weight_N is None,
    )
    if mismatch_N is not None:
        objective_N = objective_N * mismatch_N
    if kl_weight_N is not None:
        objective_N = objective_N - kl_weight_N * (logp_N - old_logp_N).abs()
    if surrogate.kl:
        assert reference_logp_N is not None, "a KL penalty needs the reference"
        penalty_N = divergence(surrogate.kl_estimator, logp_N, reference_logp_N)
        objective_N = objective_N - surrogate.kl * penalty_N
    seen = {"clipped": float((acted_N & kept_N).sum()), "kept": float(kept_N.sum())}
    return -(weight_N * objective_N).sum(), seen


def _objective(
    surrogate: Surrogate,
    logp_N: torch.Tensor,
    old_logp_N: torch.Tensor,
    advantage_N: torch.Tensor,
    response_N: torch.Tensor,
    length_R: torch.Tensor,
    *,
    clip: bool,
) -> Objective:
    """Compute the objective of each token and where the clip, or the rule in its place, was active."""
    log_ratio_N, rule = logp_N - old_logp_N, surrogate.rule
    low, high = surrogate.clip_low, surrogate.clip_high
    if not clip:
        return unclipped(log_ratio_N, advantage_N)
    if isinstance(rule, Cispo):
        return cispo(log_ratio_N, logp_N, advantage_N, rule)
    if isinstance(rule, Sapo):
        return sapo(log_ratio_N, advantage_N, rule)
    if isinstance(rule, Gspo | WholeRatio):
        log_ratio_N = log_ratio_of_response(rule, log_ratio_N, response_N, length_R)
    return clipped(log_ratio_N, advantage_N, low, high)
