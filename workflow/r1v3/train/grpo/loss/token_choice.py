"""Choose the tokens that an update learns from, by papers that the report cites on entropy.

- The tokens with the highest entropy (Wang et al. 2025, arXiv 2506.01939: 20 %).
- Clip-Cov and KL-Cov (Cui et al. 2025, arXiv 2505.22617). Entropy collapses because of the tokens whose
  log-probability and advantage have the highest covariance. Some of these get no gradient (Clip-Cov) or a KL
  penalty (KL-Cov).
- The tokens with the highest visual dependency, which also weights the advantages (after VPPO, arXiv
  2510.09285). VPPO compares whole distributions by their KL divergence. Here the measure is the log-ratio
  of the sampled token, whose expected value is that divergence. The share is taken over the episode.

Departure: covariances are computed once before the episode's first step, not for each mini-batch.

Shapes: N tokens of the whole episode.
"""

import math

import torch

from r1v3.recipe.schema.training import ClipCov, KlCov, VisualWeights


def token_covariance(logp_N: torch.Tensor, advantage_N: torch.Tensor) -> torch.Tensor:
    """Compute each token's term of the covariance of log-probability and advantage, shape (N,), nats.

    The mean of the terms is the covariance.
    """
    return (logp_N - logp_N.mean()) * (advantage_N - advantage_N.mean())


def top_share(value_N: torch.Tensor, share: float) -> torch.Tensor:
    """Return for each token whether its value is among the episode's highest `share`; shape (N,)."""
    kept = len(value_N) - math.ceil((len(value_N) - 1) * (1 - share) - 1e-9)
    return value_N >= value_N.topk(kept).values[-1]


def visual_factor(
    visual_N: torch.Tensor, length_R: torch.Tensor, rule: VisualWeights
) -> torch.Tensor:
    """Compute the factor that multiplies each response's advantage, of shape (R,).

    It grows from `low` to `high` with the mean visual dependency of the response's tokens. It is 1 if all
    responses have the same mean.

    Args:
        visual_N: visual dependency of each token, nats.
        length_R: tokens of each response.
    """
    response_N = torch.arange(len(length_R)).repeat_interleave(length_R)
    mean_R = torch.zeros(len(length_R)).index_add(0, response_N, visual_N) / length_R.clamp(min=1)
    low, high = mean_R.min(), mean_R.max()
    if low == high:
        return torch.ones_like(mean_R)
    return rule.low + (rule.high - rule.low) * (mean_R - low) / (high - low)


def clip_cov(covariance_N: torch.Tensor, rule: ClipCov, *, seed: int) -> torch.Tensor:
    """Return for each token whether Clip-Cov removes its gradient; booleans of shape (N,).

    It removes a `share` of all tokens, drawn at random among those with a covariance from `low` to `high`.
    """
    between = (covariance_N > rule.low) & (covariance_N < rule.high)
    candidates = between.nonzero()[:, 0]
    order = torch.randperm(len(candidates), generator=torch.Generator().manual_seed(seed))
    count = max(1, int(rule.share * len(covariance_N)))
    chosen = torch.zeros_like(between)
    chosen[candidates[order[:count]]] = True
    return chosen


def kl_cov(covariance_N: torch.Tensor, rule: KlCov) -> torch.Tensor:
    """Compute the weight of each token's KL penalty by KL-Cov, of shape (N,).

    It is `weight` for the `share` of tokens with the largest covariance and 0 for the others.
    """
    count = max(1, int(rule.share * len(covariance_N)))
    weight_N = torch.zeros_like(covariance_N)
    weight_N[covariance_N.topk(count).indices] = rule.weight
    return weight_N
