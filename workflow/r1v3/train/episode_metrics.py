"""What is measured of an episode, at no forward pass of its own."""

import torch

from r1v3.train.advantage import silent_groups
from r1v3.train.critical import CriticalTokens
from r1v3.train.rollouts import Episode


def reward_metrics(episode: Episode) -> dict:
    """Reward and its parts, length in tokens, share cut by the limit, share of groups without spread."""
    responses = episode.responses
    return {
        "reward": float(episode.reward_GM.mean()),
        "accuracy": float(episode.accuracy_GM.mean()),
        "format": float(episode.format_GM.mean()),
        "response_length": sum(len(r.token_ids) for r in responses) / len(responses),
        "truncated": sum(r.finish_reason == "length" for r in responses) / len(responses),
        "silent_groups": silent_groups(episode.reward_GM),
    }


def entropy_metrics(
    entropy_N: torch.Tensor, responses, critical: CriticalTokens, threshold: float
) -> dict:
    """Entropy of the sampled tokens (section 6.5) and at critical ones (section 5.1), in nats.

    The critical reading is missing at a step that has no critical token.
    """
    at_critical, first = [], 0
    for response in responses:
        at_critical += [first + n for n in critical.words(response.token_ids)]
        first += len(response.token_ids)
    metrics = {
        "entropy": float(entropy_N.mean()),
        "high_entropy_share": float((entropy_N > threshold).float().mean()),
        "critical_tokens": len(at_critical),
    }
    if at_critical:
        metrics["critical_token_entropy"] = float(entropy_N[at_critical].mean())
    return metrics
