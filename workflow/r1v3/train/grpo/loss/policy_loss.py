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
    """What a loss is computed with.

    `responses` and `tokens` count the whole mini-batch, so that the losses of its passes add up to its loss.

    Attributes:
        clip_low, clip_high: the ratio is clipped to [1 - clip_low, 1 + clip_high].
        kl: weight of the KL penalty.
        longest: most tokens that a response may have.
        rule: what replaces the clip of each token's ratio; None: nothing.
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
    """The weight of each token in the loss, of shape (N,).

    Args:
        response_N: number of the response that a token belongs to.
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
    """Each token's estimate of the KL divergence from the reference, in nats, of shape (N,).

    The names follow Schulman's note. `k1` is equation 7's log-ratio: its value is unbiased, but on-policy its
    expected gradient is 0, so it restrains nothing. `k2` is half its square. `k3` is r - 1 - log r with
    r = reference / policy.

    Args:
        logp_N: log-probability of each token under the policy, nats.
        reference_logp_N: the same under the reference.
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
    """The GRPO loss of some responses (report, eq. 7).

    The importance ratio compares the policy with the one of `old_logp_N`. In a single on-policy step the
    two are the same, so the ratio is 1 and the clip cannot act.

    Args:
        logp_N: log-probability of each token under the policy, nats, differentiable.
        old_logp_N: the same under the policy in the denominator of the ratio.
        advantage_R: of each response.
        response_N: number of the response that a token belongs to.
        length_R: tokens of each response.
        keep_N: 1 for tokens that count, 0 for others; None if all count.
        reference_logp_N: log-probabilities under the reference, needed if `kl` is not 0.
        kl_weight_N: KL-Cov's weight on each token's |log-ratio|; if given, nothing is clipped.
        mismatch_N: weight of each token's objective that corrects for the engine; None: 1. Penalties have
            none.

    Returns:
        The loss, a scalar, and two counts of tokens: `kept`, which count, and `clipped`, on which the clip
        or another bound acted.
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
    """The objective of each token by the surrogate's rule, and where its bound acted."""
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
