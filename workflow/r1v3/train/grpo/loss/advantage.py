"""Equation 6: how much better a sample is than its group.

Shapes: G prompts, M samples of each, R = G x M responses.
"""

import torch

from r1v3.recipe.schema.training import Advantage


def group_advantage(reward_GM: torch.Tensor, settings: Advantage) -> torch.Tensor:
    """Normalise each prompt's rewards over its M samples (report, eq. 6).

    Args:
        reward_GM: reward of sample m of prompt g, unitless, in [0, 1].
        settings: the recipe's section. `ddof` 0 divides the squared deviations by M, 1 by M - 1; `epsilon` is
            added to the standard deviation.

    Returns:
        Advantages of shape (G, M); a group whose rewards are all equal gets 0.

    Raises:
        ValueError: M is 1, for which the spread of a group is undefined.
    """
    if reward_GM.shape[1] < 2:
        raise ValueError("grpo.samples must be at least 2: a group of one has no spread")
    centred = reward_GM - reward_GM.mean(1, keepdim=True)
    spread = reward_GM.std(1, correction=settings.ddof, keepdim=True)
    same = reward_GM.max(1, keepdim=True).values == reward_GM.min(1, keepdim=True).values
    return torch.where(same, 0.0, centred / (spread + settings.epsilon).clamp(min=1e-12))


def has_variance(value_GM: torch.Tensor) -> torch.Tensor:
    """Whether each group's values differ; booleans of shape (G,)."""
    return value_GM.max(1).values != value_GM.min(1).values


def zero_variance_groups(reward_GM: torch.Tensor) -> float:
    """Share of groups whose rewards are all equal; these teach nothing."""
    return float((~has_variance(reward_GM)).float().mean())


def overlong_penalty(length_R: torch.Tensor, *, limit: int, buffer: int) -> torch.Tensor:
    """DAPO's soft punishment (arXiv 2503.14476, eq. 13): 0 up to `limit - buffer` tokens, -1 at the limit.

    Args:
        length_R: tokens of each response.
        limit: most tokens of a response.
        buffer: tokens over which the penalty grows.

    Returns:
        What is added to each reward, of shape (R,).
    """
    return ((limit - buffer - length_R) / buffer).clamp(-1.0, 0.0)
