"""Which tokens an update takes, by the papers that the report cites on entropy.

- The top share by entropy alone (Wang et al. 2025, arXiv 2506.01939: 20 %).
- Clip-Cov and KL-Cov (Cui et al. 2025, arXiv 2505.22617): tokens whose log-probability and advantage
  vary together the most make entropy collapse; some of them get no gradient, or are held back.

Departure: covariances are those before the episode's first step, not of each mini-batch.

Shapes: N tokens of the whole episode.
"""

import math

import torch


def token_covariance(logp_N: torch.Tensor, advantage_N: torch.Tensor) -> torch.Tensor:
    """Each token's part of the covariance of log-probability and advantage; their mean is it."""
    return (logp_N - logp_N.mean()) * (advantage_N - advantage_N.mean())


def most_uncertain(entropy_N: torch.Tensor, share: float) -> torch.Tensor:
    """The tokens whose entropy reaches the (1 - share) quantile of the episode's."""
    kept = len(entropy_N) - math.ceil((len(entropy_N) - 1) * (1 - share) - 1e-9)
    return entropy_N >= entropy_N.topk(kept).values[-1]


def clip_cov(covariance_N: torch.Tensor, rule: dict, *, seed: int) -> torch.Tensor:
    """Clip-Cov: tokens without a gradient, `share` of all, drawn among covariances in (low, high)."""
    between = (covariance_N > rule["low"]) & (covariance_N < rule["high"])
    candidates = between.nonzero()[:, 0]
    order = torch.randperm(len(candidates), generator=torch.Generator().manual_seed(seed))
    count = max(1, int(rule["share"] * len(covariance_N)))
    chosen = torch.zeros_like(between)
    chosen[candidates[order[:count]]] = True
    return chosen


def kl_cov(covariance_N: torch.Tensor, rule: dict) -> torch.Tensor:
    """KL-Cov: the penalty's weight on each token: `weight` on the `share` of largest covariance."""
    count = max(1, int(rule["share"] * len(covariance_N)))
    weight_N = torch.zeros_like(covariance_N)
    weight_N[covariance_N.topk(count).indices] = rule["weight"]
    return weight_N
