"""Measure and correct the mismatch between the engine's probabilities and the trainer's.

vLLM's kernels round differently from the trainer's, so its tokens come from a slightly different policy.
The weight of a token is its probability under the trainer divided by that under the engine, before the
episode's first gradient step. Truncation limits the weight (TIS, Yao et al. 2025). Masking sets a weight
beyond the limits to 0 (MIS).

Shapes: N tokens, R responses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from r1v3.generate.types import Response
from r1v3.recipe.schema.training import Mismatch


class MismatchError(FloatingPointError):
    """The trainer's probabilities are too far from the engine's to learn from what it sampled."""


def mismatch_weights(
    rule: Mismatch,
    logp_N: torch.Tensor,
    sampled_N: torch.Tensor,
    response_N: torch.Tensor,
    responses: int,
) -> torch.Tensor:
    """Compute the weight of each token, of shape (N,), without a gradient.

    Args:
        logp_N: log-probability of each token under the trainer before the first gradient step, nats.
        sampled_N: log-probability of each token under the engine that sampled it, nats.
        response_N: number of the response that each token belongs to.
        responses: number of responses.
    """
    weight_N = raw_ratio(rule, logp_N, sampled_N, response_N, responses)
    if rule.mode == "truncate":
        return weight_N.clamp(rule.floor, rule.cap)
    return weight_N.where(within(rule, weight_N), 0.0)


def raw_ratio(
    rule: Mismatch,
    logp_N: torch.Tensor,
    sampled_N: torch.Tensor,
    response_N: torch.Tensor,
    responses: int,
) -> torch.Tensor:
    """Divide the trainer's probability by the engine's, for each token or for its whole response."""
    gap_N = (logp_N - sampled_N).detach()
    if rule.level == "sequence":
        gap_R = torch.zeros(responses, dtype=gap_N.dtype, device=gap_N.device)
        gap_N = gap_R.index_add(0, response_N, gap_N)[response_N]
    return gap_N.exp()


def within(rule: Mismatch, ratio_N: torch.Tensor) -> torch.Tensor:
    """Return for each ratio whether it lies between the rule's floor and cap."""
    return (ratio_N >= rule.floor) & (ratio_N <= rule.cap)


@dataclass(frozen=True)
class Worst:
    """The token on which trainer and engine differ most: its index and both log-probabilities, nats."""

    place: int
    logp: float
    sampled: float


def worst_token(logp_N: torch.Tensor, sampled_N: torch.Tensor) -> Worst:
    """Find the token whose two log-probabilities differ most; `place` is its index among all tokens."""
    place = int((logp_N - sampled_N).abs().argmax())
    return Worst(place, float(logp_N[place]), float(sampled_N[place]))


def token_at(responses: Sequence[Response], place: int) -> tuple[Response, int]:
    """Return the response that contains a token of the episode, and the token's index in that response."""
    for response in responses:
        if place < len(response.token_ids):
            return response, place
        place -= len(response.token_ids)
    raise AssertionError("the token is in one of the responses")


def mismatch_kl(logp_N: torch.Tensor, sampled_N: torch.Tensor) -> float:
    """Estimate the KL divergence of the engine from the trainer as a mean over sampled tokens, in nats.

    The estimator is Schulman's k3: exp(d) - 1 - d with d = log-probability under the trainer minus that
    under the engine. It is never negative and has no bias.
    """
    gap_N = logp_N.double() - sampled_N.double()
    return float((gap_N.exp() - 1 - gap_N).mean())
