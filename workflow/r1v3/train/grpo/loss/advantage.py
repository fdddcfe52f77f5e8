"""Advantages: how much better a sample is than its group (equation 6), and other papers' estimators.

Shapes: G prompts, M samples of each, R = G x M responses.
"""

from typing import assert_never

import torch

from r1v3.recipe.schema.training import Advantage


def advantages(reward_GM: torch.Tensor, settings: Advantage) -> torch.Tensor:
    """Compute the advantage of every sample, of shape (G, M), with the recipe's estimator.

    Args:
        reward_GM: reward of sample m of prompt g, unitless, in [0, 1] before penalties are subtracted.
        settings: the recipe's section. `ddof` is subtracted from the number of values that a variance is
            divided by. `epsilon` is added to a standard deviation before dividing by it.

    Raises:
        ValueError: M is 1, so a group has no standard deviation.
    """
    if reward_GM.shape[1] < 2:
        raise ValueError("grpo.samples must be at least 2: a group of one has no spread")
    estimator = settings.estimator
    if estimator == "group":
        return group_advantage(reward_GM, settings)
    if estimator == "group_mean":
        return centred(reward_GM)
    if estimator == "leave_one_out":
        return leave_one_out(reward_GM)
    if estimator == "global":
        return over_spread(reward_GM - reward_GM.mean(), settings)
    if estimator == "group_mean_global":
        return over_spread(centred(reward_GM), settings)
    assert_never(estimator)


def group_advantage(reward_GM: torch.Tensor, settings: Advantage) -> torch.Tensor:
    """Normalise each prompt's rewards over its M samples (report, eq. 6).

    Args:
        reward_GM: as in `advantages`, with M of at least 2.

    Returns:
        Advantages of shape (G, M); a group whose rewards are all equal gets 0.
    """
    spread = reward_GM.std(1, correction=settings.ddof, keepdim=True)
    return centred(reward_GM) / (spread + settings.epsilon).clamp(min=1e-12)


def centred(reward_GM: torch.Tensor) -> torch.Tensor:
    """Subtract each group's mean reward and divide by nothing (Dr. GRPO, arXiv 2503.20783).

    A group whose rewards are all equal gets exactly 0, without rounding errors.
    """
    return torch.where(
        has_variance(reward_GM)[:, None], reward_GM - reward_GM.mean(1, keepdim=True), 0
    )


def leave_one_out(reward_GM: torch.Tensor) -> torch.Tensor:
    """Subtract from each reward the mean of the group's other samples (RLOO, arXiv 2402.14740).

    This equals M / (M - 1) times the reward minus the mean of the whole group.
    """
    samples = reward_GM.shape[1]
    return centred(reward_GM) * samples / (samples - 1)


def over_spread(centred_GM: torch.Tensor, settings: Advantage) -> torch.Tensor:
    """Divide centred rewards by the standard deviation of the episode (REINFORCE++, arXiv 2501.03262).

    If all values of the episode are equal, each advantage is 0.
    """
    spread = centred_GM.flatten().std(correction=settings.ddof)
    same = centred_GM.max() == centred_GM.min()
    return torch.where(same, 0.0, centred_GM / (spread + settings.epsilon).clamp(min=1e-12))


def has_variance(value_GM: torch.Tensor) -> torch.Tensor:
    """Return for each group whether its values differ; booleans of shape (G,)."""
    return value_GM.max(1).values != value_GM.min(1).values


def zero_variance_groups(reward_GM: torch.Tensor) -> float:
    """Return the share of groups whose rewards are all equal. Such groups give no gradient."""
    return float((~has_variance(reward_GM)).float().mean())


def overlong_penalty(length_R: torch.Tensor, *, limit: int, buffer: int) -> torch.Tensor:
    """Compute DAPO's soft penalty on long responses (arXiv 2503.14476, eq. 13).

    It is 0 up to `limit - buffer` tokens and falls linearly to -1 at `limit` tokens.

    Args:
        length_R: tokens of each response.
        limit: most tokens that a response may have.
        buffer: number of tokens before the limit over which the penalty grows.

    Returns:
        The penalty that is added to each reward, of shape (R,), in [-1, 0].
    """
    return ((limit - buffer - length_R) / buffer).clamp(-1.0, 0.0)
