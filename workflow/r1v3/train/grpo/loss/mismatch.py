"""Weights that correct for an engine whose probabilities are not the trainer's, and how far they differ.

vLLM's kernels round otherwise than the trainer's, so its tokens come from a slightly different policy.
The weight of a token is the trainer's probability over the engine's, before the episode's first step. Yao et
al. (2025) truncate it (TIS). Masking gives tokens beyond the cap no weight (MIS).

Shapes: N tokens, R responses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from r1v3.generate.types import Response
from r1v3.recipe.schema.training import Mismatch


class MismatchError(FloatingPointError):
    """Trainer and engine are too far apart to learn from what the engine sampled."""


def mismatch_weights(
    rule: Mismatch,
    logp_N: torch.Tensor,
    sampled_N: torch.Tensor,
    response_N: torch.Tensor,
    responses: int,
) -> torch.Tensor:
    """The weight of each token, of shape (N,), without a gradient.

    Args:
        logp_N: log-probability of each token by the trainer before the first step, nats.
        sampled_N: the same by the engine that sampled it.
        response_N: number of the response that a token belongs to.
        responses: how many these are.
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
    """Trainer's probability over the engine's, of each token or of the response that it belongs to."""
    gap_N = (logp_N - sampled_N).detach()
    if rule.level == "sequence":
        gap_R = torch.zeros(responses, dtype=gap_N.dtype, device=gap_N.device)
        gap_N = gap_R.index_add(0, response_N, gap_N)[response_N]
    return gap_N.exp()


def within(rule: Mismatch, ratio_N: torch.Tensor) -> torch.Tensor:
    """Whether each ratio lies between the rule's floor and its cap."""
    return (ratio_N >= rule.floor) & (ratio_N <= rule.cap)


@dataclass(frozen=True)
class Worst:
    """The token on which trainer and engine differ the most."""

    place: int
    logp: float
    sampled: float


def worst_token(logp_N: torch.Tensor, sampled_N: torch.Tensor) -> Worst:
    """Its place among all tokens, and its log-probabilities by trainer and engine, in nats."""
    place = int((logp_N - sampled_N).abs().argmax())
    return Worst(place, float(logp_N[place]), float(sampled_N[place]))


def token_at(responses: Sequence[Response], place: int) -> tuple[Response, int]:
    """The response that a token of the episode is in, and its place there."""
    for response in responses:
        if place < len(response.token_ids):
            return response, place
        place -= len(response.token_ids)
    raise AssertionError("the token is in one of the responses")


def mismatch_kl(logp_N: torch.Tensor, sampled_N: torch.Tensor) -> float:
    """KL divergence of the engine from the trainer, a mean over the tokens that the engine sampled, in nats.

    It is Schulman's k3, exp(d) - 1 - d with d = trainer - engine: never negative, and without bias.
    """
    gap_N = logp_N.double() - sampled_N.double()
    return float((gap_N.exp() - 1 - gap_N).mean())
