"""Which tokens an update takes, by the papers that the report cites on entropy.

- The top share by entropy alone (Wang et al. 2025, arXiv 2506.01939: 20 %).
- Clip-Cov and KL-Cov (Cui et al. 2025, arXiv 2505.22617): entropy collapses because of the tokens whose
  log-probability and advantage vary together the most; some of them get no gradient, or a KL penalty.
- The top share by visual dependency, with advantages weighed by it (after VPPO, arXiv 2510.09285). VPPO
  compares whole distributions by their KL divergence; here it is the sampled token's log-ratio, whose mean is
  that divergence, and the share is of the episode's tokens.

Departure: covariances are computed once before the episode's first step, not for each mini-batch.

Shapes: N tokens of the whole episode.
"""

import math

import torch

from r1v3.recipe.schema.training import ClipCov, KlCov, VisualWeights


def token_covariance(logp_N: torch.Tensor, advantage_N: torch.Tensor) -> torch.Tensor:
    """Each token's term of the covariance of log-probability and advantage, of shape (N,), in nats.

    The mean of the terms is the covariance.
    """
    return (logp_N - logp_N.mean()) * (advantage_N - advantage_N.mean())


def top_share(value_N: torch.Tensor, share: float) -> torch.Tensor:
    """Whether each token's value reaches the (1 - share) quantile of the episode's; shape (N,)."""
    kept = len(value_N) - math.ceil((len(value_N) - 1) * (1 - share) - 1e-9)
    return value_N >= value_N.topk(kept).values[-1]


def visual_factor(
    visual_N: torch.Tensor, length_R: torch.Tensor, rule: VisualWeights
) -> torch.Tensor:
    """What each response's advantage is multiplied by, of shape (R,).

    It grows from `low` to `high` with the mean visual dependency of the response's tokens; 1 where all
    responses depend equally.

    Args:
        visual_N: of each token, nats.
        length_R: tokens of each response.
    """
    response_N = torch.arange(len(length_R)).repeat_interleave(length_R)
    mean_R = torch.zeros(len(length_R)).index_add(0, response_N, visual_N) / length_R.clamp(min=1)
    low, high = mean_R.min(), mean_R.max()
    if low == high:
        return torch.ones_like(mean_R)
    return rule.low + (rule.high - rule.low) * (mean_R - low) / (high - low)


def clip_cov(covariance_N: torch.Tensor, rule: ClipCov, *, seed: int) -> torch.Tensor:
    """Clip-Cov: which tokens get no gradient, of shape (N,).

    They are a `share` of all, drawn among those with a covariance between `low` and `high`.
    """
    between = (covariance_N > rule.low) & (covariance_N < rule.high)
    candidates = between.nonzero()[:, 0]
    order = torch.randperm(len(candidates), generator=torch.Generator().manual_seed(seed))
    count = max(1, int(rule.share * len(covariance_N)))
    chosen = torch.zeros_like(between)
    chosen[candidates[order[:count]]] = True
    return chosen


def kl_cov(covariance_N: torch.Tensor, rule: KlCov) -> torch.Tensor:
    """KL-Cov: the weight of each token's KL penalty, of shape (N,).

    It is `weight` for the `share` of tokens with the largest covariance and 0 for the others.
    """
    count = max(1, int(rule.share * len(covariance_N)))
    weight_N = torch.zeros_like(covariance_N)
    weight_N[covariance_N.topk(count).indices] = rule.weight
    return weight_N
