"""Equation 7: the clipped surrogate, aggregated as the recipe says.

The report averages each response's tokens first and the responses second (`sequence_mean`); the
framework that it names averages all tokens alike (`token_mean`). `constant` divides by the most tokens
a response may have, as Dr. GRPO does (arXiv 2503.20783).

Shapes: N tokens of all responses, R responses.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Surrogate:
    """What a loss is computed with; `responses` and `tokens` are those of the whole mini-batch, so that
    the losses of its parts add up to the loss of the whole."""

    clip_low: float
    clip_high: float
    kl: float
    kl_estimator: str
    aggregation: str
    responses: int
    tokens: int
    longest: int


def token_weights(
    surrogate: Surrogate, response_N: torch.Tensor, length_R: torch.Tensor
) -> torch.Tensor:
    """The weight of each token in the loss.

    Raises:
        ValueError: the aggregation is unknown.
    """
    if surrogate.aggregation == "sequence_mean":
        return 1.0 / (length_R[response_N] * surrogate.responses)
    if surrogate.aggregation == "token_mean":
        return torch.full(response_N.shape, 1.0 / surrogate.tokens, device=response_N.device)
    if surrogate.aggregation == "constant":
        share = 1.0 / (surrogate.longest * surrogate.responses)
        return torch.full(response_N.shape, share, device=response_N.device)
    raise ValueError(
        f"aggregation must be sequence_mean, token_mean or constant, not {surrogate.aggregation!r}"
    )


def divergence(estimator: str, logp_N: torch.Tensor, reference_logp_N: torch.Tensor):
    """Each token's estimate of the divergence from the reference, in nats (names as Schulman's note).

    `k1` is equation 7's log-ratio: unbiased in value, but on-policy its expected gradient is 0, so it
    holds nothing back. `k2` is half its square, `k3` is r - 1 - log r with r = reference / policy.

    Raises:
        ValueError: the estimator is unknown.
    """
    log_ratio_N = logp_N - reference_logp_N
    if estimator == "k1":
        return log_ratio_N
    if estimator == "k2":
        return log_ratio_N.square() / 2
    if estimator == "k3":
        return (-log_ratio_N).exp() - 1 + log_ratio_N
    raise ValueError(f"kl_estimator must be k1, k2 or k3, not {estimator!r}")


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
    held_N: torch.Tensor | None = None,
) -> tuple[torch.Tensor, dict[str, float]]:
    """The GRPO loss of some responses (report, eq. 7), and on how many of the `kept` tokens the clip acted.

    The ratio compares the policy with the one of `old_logp_N`. With one on-policy step the two are the
    same, the ratio is 1 and no clip can act.

    Args:
        logp_N: log-probability of each token under the policy, nats, differentiable.
        old_logp_N: the same under the policy that the ratio is taken against.
        advantage_R: of each response.
        response_N: which response a token belongs to.
        length_R: tokens of each response.
        keep_N: tokens that count; None is all of them.
        reference_logp_N: needed where `kl` is not 0.
        held_N: KL-Cov's weight on each token's |log-ratio|; where given, nothing is clipped.
    """
    weight_N = token_weights(surrogate, response_N, length_R)
    kept_N = torch.ones_like(weight_N, dtype=torch.bool)
    if keep_N is not None:
        weight_N, kept_N = weight_N * keep_N, keep_N > 0
    ratio_N = (logp_N - old_logp_N).exp()
    advantage_N = advantage_R[response_N]
    clipped_N = ratio_N
    if held_N is None:
        clipped_N = ratio_N.clamp(1 - surrogate.clip_low, 1 + surrogate.clip_high)
    objective_N = torch.minimum(ratio_N * advantage_N, clipped_N * advantage_N)
    if held_N is not None:
        objective_N = objective_N - held_N * (logp_N - old_logp_N).abs()
    if surrogate.kl:
        penalty_N = divergence(surrogate.kl_estimator, logp_N, reference_logp_N)
        objective_N = objective_N - surrogate.kl * penalty_N
    acted_N = (clipped_N * advantage_N < ratio_N * advantage_N) & kept_N
    seen = {"clipped": float(acted_N.sum()), "kept": float(kept_N.sum())}
    return -(weight_N * objective_N).sum(), seen
