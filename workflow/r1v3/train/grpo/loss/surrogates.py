"""The objective that an update increases: equation 7's clipped ratio, and those of other papers.

Each function gives the objective of each token, of shape (N,), and where its bound took the gradient away.
`policy_loss` weighs the tokens and adds the penalties.

Shapes: N tokens, R responses.
"""

import torch

from r1v3.recipe.schema.training import Cispo, Gspo, Sapo, WholeRatio

# An objective and where a bound acted, both of shape (N,).
Objective = tuple[torch.Tensor, torch.Tensor]


def clipped(
    log_ratio_N: torch.Tensor, advantage_N: torch.Tensor, clip_low: float, clip_high: float
) -> Objective:
    """PPO's clip: min(r A, clip(r, 1 - low, 1 + high) A), of each ratio r (report, eq. 7)."""
    ratio_N = log_ratio_N.exp()
    bounded_N = ratio_N.clamp(1 - clip_low, 1 + clip_high)
    free_N, held_N = ratio_N * advantage_N, bounded_N * advantage_N
    return torch.minimum(free_N, held_N), held_N < free_N


def unclipped(log_ratio_N: torch.Tensor, advantage_N: torch.Tensor) -> Objective:
    """r A, as KL-Cov needs it."""
    objective_N = log_ratio_N.exp() * advantage_N
    return objective_N, torch.zeros_like(objective_N, dtype=torch.bool)


def cispo(
    log_ratio_N: torch.Tensor, logp_N: torch.Tensor, advantage_N: torch.Tensor, rule: Cispo
) -> Objective:
    """min(r, cap) A log p, where min(r, cap) is a constant: a capped token keeps its gradient."""
    ratio_N = log_ratio_N.detach().exp()
    weight_N = ratio_N.clamp(max=rule.cap)
    return weight_N * advantage_N * logp_N, ratio_N > rule.cap


def sapo(log_ratio_N: torch.Tensor, advantage_N: torch.Tensor, rule: Sapo) -> Objective:
    """4 / t sigmoid(t (r - 1)) A: the gradient is that of r A at r = 1 and fades away from there."""
    steep_N = torch.where(advantage_N > 0, rule.temperature_positive, rule.temperature_negative)
    soft_N = (steep_N * (log_ratio_N.exp() - 1)).sigmoid() * 4 / steep_N
    return soft_N * advantage_N, torch.zeros_like(soft_N, dtype=torch.bool)


def log_ratio_of_response(
    rule: Gspo | WholeRatio,
    log_ratio_N: torch.Tensor,
    response_N: torch.Tensor,
    length_R: torch.Tensor,
) -> torch.Tensor:
    """Each token's share in its response's ratio: the mean over the response (GSPO), or the sum (RLOO).

    With `sequence_mean` the objective of a response then counts once, whatever its length.
    """
    total_R = log_ratio_N.new_zeros(len(length_R)).index_add(0, response_N, log_ratio_N)
    if isinstance(rule, Gspo):
        total_R = total_R / length_R.clamp(min=1)
    return total_R.clamp(max=80.0)[response_N]  # e^89 is infinite in 32 bits
