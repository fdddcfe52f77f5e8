"""The objective that a gradient step increases: equation 7's clipped ratio, and those of other papers.

Each function returns the objective of each token, of shape (N,), and booleans that say where the clip or cap
was active. `policy_loss` weights the tokens and adds the penalties. A is the advantage, r the ratio.

Shapes: N tokens, R responses.
"""

import torch

from r1v3.recipe.schema.training import Cispo, Gspo, Sapo, WholeRatio

# The objective, and booleans where the clip or cap was active; both of shape (N,).
Objective = tuple[torch.Tensor, torch.Tensor]


def clipped(
    log_ratio_N: torch.Tensor, advantage_N: torch.Tensor, clip_low: float, clip_high: float
) -> Objective:
    """Compute PPO's clipped objective: min(r A, clip(r, 1 - low, 1 + high) A) (report, eq. 7)."""
    ratio_N = log_ratio_N.exp()
    bounded_N = ratio_N.clamp(1 - clip_low, 1 + clip_high)
    free_N, held_N = ratio_N * advantage_N, bounded_N * advantage_N
    return torch.minimum(free_N, held_N), held_N < free_N


def unclipped(log_ratio_N: torch.Tensor, advantage_N: torch.Tensor) -> Objective:
    """Compute r A without a clip, as KL-Cov needs it."""
    objective_N = log_ratio_N.exp() * advantage_N
    return objective_N, torch.zeros_like(objective_N, dtype=torch.bool)


def cispo(
    log_ratio_N: torch.Tensor, logp_N: torch.Tensor, advantage_N: torch.Tensor, rule: Cispo
) -> Objective:
    """Compute min(r, cap) A log p with min(r, cap) held constant, so a capped token keeps its gradient."""
    ratio_N = log_ratio_N.detach().exp()
    weight_N = ratio_N.clamp(max=rule.cap)
    return weight_N * advantage_N * logp_N, ratio_N > rule.cap


def sapo(log_ratio_N: torch.Tensor, advantage_N: torch.Tensor, rule: Sapo) -> Objective:
    """Compute 4 / t sigmoid(t (r - 1)) A. Its gradient is that of r A at r = 1 and fades away from there."""
    steep_N = torch.where(advantage_N > 0, rule.temperature_positive, rule.temperature_negative)
    soft_N = (steep_N * (log_ratio_N.exp() - 1)).sigmoid() * 4 / steep_N
    return soft_N * advantage_N, torch.zeros_like(soft_N, dtype=torch.bool)


def log_ratio_of_response(
    rule: Gspo | WholeRatio,
    log_ratio_N: torch.Tensor,
    response_N: torch.Tensor,
    length_R: torch.Tensor,
) -> torch.Tensor:
    """Return for each token the log-ratio of its response: the mean (GSPO) or the sum (RLOO) over its tokens.

    With `sequence_mean` each response's objective then counts once, whatever its length.
    """
    total_R = log_ratio_N.new_zeros(len(length_R)).index_add(0, response_N, log_ratio_N)
    if isinstance(rule, Gspo):
        total_R = total_R / length_R.clamp(min=1)
    return total_R.clamp(max=80.0)[response_N]  # e^89 is infinite in 32 bits
