"""What is measured of an episode, at no forward pass of its own."""

import numpy as np
import torch

from r1v3.data.filters import repetition
from r1v3.train.advantage import silent_groups
from r1v3.train.critical import CriticalTokens
from r1v3.train.rollouts import Episode

HISTOGRAM_BIN, HISTOGRAM_TOP = 0.5, 12.0  # nats; the logarithm of 151,674 tokens is 11.9


def reward_metrics(episode: Episode) -> dict:
    """Reward and its parts, in all and by data source; length in tokens; groups without spread.

    `silent_in_accuracy` counts the groups that differ in format at most, `repetition` is the share by
    which the responses shrink when compressed, and `advantage_spread` the mean deviation within a group.
    """
    responses = episode.responses
    lengths = [len(response.token_ids) for response in responses]
    sources: dict[str, list[float]] = {}
    for prompt, rewards in zip(episode.prompts, episode.reward_GM.mean(1).tolist()):
        sources.setdefault(prompt.record.source, []).append(rewards)
    return {
        "reward": float(episode.reward_GM.mean()),
        "accuracy": float(episode.accuracy_GM.mean()),
        "format": float(episode.format_GM.mean()),
        "response_length": sum(lengths) / len(responses),
        "response_length_p95": float(np.percentile(lengths, 95)),
        "truncated": sum(r.finish_reason == "length" for r in responses) / len(responses),
        "silent_groups": silent_groups(episode.reward_GM),
        "silent_in_accuracy": silent_groups(episode.accuracy_GM),
        "advantage_spread": float(episode.reward_GM.std(1).mean()),
        "repetition": sum(repetition(r.text) for r in responses) / len(responses),
        **{f"reward/{name}": sum(values) / len(values) for name, values in sources.items()},
    }


def entropy_metrics(
    entropy_N: torch.Tensor, responses, critical: CriticalTokens, threshold: float
) -> dict:
    """Entropy of the sampled tokens (section 6.5, figure 10) and at critical ones (section 5.1), in nats.

    `critical_token_entropy` is read where a critical word was emitted, `critical_token_entropy_next` one
    token later, `candidate_entropy` wherever a sentence begins and such a word could stand. A reading is
    missing at a step that has no such token. The histogram counts tokens by half nats.
    """
    at_critical, after, at_candidate, first = [], [], [], 0
    for response in responses:
        length = len(response.token_ids)
        places = critical.words(response.token_ids)
        at_critical += [first + n for n in places]
        after += [first + n + 1 for n in places if n + 1 < length]
        at_candidate += [first + n for n in critical.sentences(response.token_ids)]
        first += length
    edges = torch.arange(0.0, HISTOGRAM_TOP, HISTOGRAM_BIN)
    bins = torch.bucketize(entropy_N.clamp(min=0), edges, right=True) - 1
    metrics = {
        "entropy": float(entropy_N.mean()),
        "high_entropy_share": float((entropy_N > threshold).float().mean()),
        "entropy_histogram": torch.bincount(bins, minlength=len(edges)).tolist(),
        "critical_tokens": len(at_critical),
        "candidate_tokens": len(at_candidate),
    }
    for name, places in (
        ("critical_token_entropy", at_critical),
        ("critical_token_entropy_next", after),
        ("candidate_entropy", at_candidate),
    ):
        if places:
            metrics[name] = float(entropy_N[places].mean())
    return metrics
