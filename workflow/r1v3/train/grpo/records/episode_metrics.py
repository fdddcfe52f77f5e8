"""Metrics of an episode that need no further forward pass."""

import math
from collections import Counter
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from r1v3.data.sampling.filters import repetition
from r1v3.generate.types import Response
from r1v3.recipe.schema.training import Mismatch, RewardTerm
from r1v3.reward.score_term import term_of_score
from r1v3.train.entropy.readings import Readings
from r1v3.train.grpo.loss.advantage import zero_variance_groups
from r1v3.train.grpo.loss.mismatch import (
    Worst,
    mismatch_kl,
    mismatch_weights,
    raw_ratio,
    token_at,
    within,
)
from r1v3.train.grpo.loss.token_choice import token_covariance
from r1v3.train.grpo.sampling.rollouts import Episode

TOKENS_NAMED = 20
HISTOGRAM_BIN, HISTOGRAM_TOP = 0.5, 12.0  # nats; the logarithm of 151,674 tokens is 11.9


def reward_metrics(episode: Episode, term: RewardTerm | None = None) -> dict[str, float]:
    """Compute the reward and its parts, overall and by data source, lengths, and zero-variance shares.

    Lengths are in tokens. A group without variance in accuracy can still differ in format. `repetition` is
    the share by which the responses shrink when compressed. `advantage_spread` is the mean standard deviation
    within a group. `prompt_pass_rate` is the mean pass rate of the prompts for which one was measured. With
    a reward model, `reward_model/score` is its mean score, `reward_model/term` is the mean of the term that
    the score adds to the reward, in [0, 1], and `reward_model/unscored` is the share without a score.
    """
    responses = episode.responses
    lengths = episode.lengths
    measured = [prompt.record.meta.get("pass_rate") for prompt in episode.prompts]
    rates = [rate for rate in measured if rate is not None]
    known = {"prompt_pass_rate": sum(rates) / len(rates)} if rates else {}
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
        "zero_variance_groups": zero_variance_groups(episode.reward_GM),
        "zero_variance_in_accuracy": zero_variance_groups(episode.accuracy_GM),
        "advantage_spread": float(episode.reward_GM.std(1).mean()),
        "repetition": sum(repetition(r.text) for r in responses) / len(responses),
        **known,
        **_score_metrics(episode, term),
        **{f"reward/{name}": sum(values) / len(values) for name, values in sources.items()},
    }


def _score_metrics(episode: Episode, term: RewardTerm | None) -> dict[str, float]:
    if term is None or episode.score_GM is None:
        return {}
    scores = episode.score_GM.flatten().tolist()
    given = [score for score in scores if not math.isnan(score)]
    return {
        **({"reward_model/score": sum(given) / len(given)} if given else {}),
        "reward_model/term": sum(term_of_score(term, score) for score in scores) / len(scores),
        "reward_model/unscored": 1 - len(given) / len(scores),
    }


def entropy_metrics(
    entropy_N: torch.Tensor, responses: list[Response], readings: Readings, samples: int
) -> dict[str, Any]:
    """Measure entropy at sampled tokens (section 6.5, figure 10) and at critical ones (section 5.1), in nats.

    `emitted/`, `candidate/` and `control/` (see `entropy.readings`) each have a `count`. If the count is not
    0, they also have `mean`, and `next` for the mean one position later. If the count reaches the recipe's
    minimum, they have `low` and `high`, the bounds of an interval over prompts. `critical_token_entropy` and
    `critical_tokens` are other names of `emitted/mean` and `emitted/count`. The histogram counts tokens in
    bins of half a nat. `high_entropy_tokens` are the most frequent tokens above the threshold, with their
    counts.

    Args:
        entropy_N: entropy at each token of all responses, nats.
        samples: number of responses of each prompt.
    """
    edges = torch.arange(0.0, HISTOGRAM_TOP, HISTOGRAM_BIN)
    bins = torch.bucketize(entropy_N.clamp(min=0), edges, right=True) - 1
    high_N = entropy_N > readings.settings.threshold
    metrics: dict[str, Any] = {
        "entropy": float(entropy_N.mean()),
        "high_entropy_share": float(high_N.float().mean()),
        "high_entropy_tokens": _commonest(high_N, responses, readings.tokenizer),
        "entropy_histogram": torch.bincount(bins, minlength=len(edges)).tolist(),
    }
    parts = entropy_N.split([len(response.token_ids) for response in responses])
    read = readings.read(responses, [part.tolist() for part in parts], samples)
    for name, reading in read.items():
        found = readings.interval(reading)
        metrics[f"{name}/count"] = found["count"]
        enough = found["count"] >= readings.settings.minimum_count
        for key in ("mean", "next", *(("low", "high") if enough else ())):
            if found[key] is not None:
                metrics[f"{name}/{key}"] = found[key]
    metrics["critical_tokens"] = metrics["emitted/count"]
    if "emitted/mean" in metrics:
        metrics["critical_token_entropy"] = metrics["emitted/mean"]
    return metrics


def logprob_metrics(
    logp_N: torch.Tensor, sampled_N: torch.Tensor, advantage_N: torch.Tensor
) -> dict[str, float]:
    """Compare trainer and engine, and compute the covariance of log-probability and advantage (5.5).

    `logprob_gap_max` and `logprob_gap_mean` are in nats. `logprob_gap_share` is the share of tokens whose
    ratio is above 1.05 or below 1 / 1.05. A high covariance lowers entropy (Cui et al. 2025); it is in nats.

    Args:
        logp_N: log-probability of each token under the trainer, nats.
        sampled_N: log-probability of each token under the engine that sampled it, nats.
        advantage_N: advantage of each token's response.
    """
    gap_N = (logp_N - sampled_N).abs()
    return {
        "logprob_gap_max": float(gap_N.max()),
        "logprob_gap_mean": float(gap_N.mean()),
        "logprob_gap_share": float((gap_N > math.log(1.05)).float().mean()),
        "covariance": float(token_covariance(logp_N, advantage_N).mean()),
    }


def mismatch_metrics(
    rule: Mismatch | None, logp_N: torch.Tensor, sampled_N: torch.Tensor, length_R: torch.Tensor
) -> dict[str, float]:
    """Measure how far the engine's policy is from the trainer's before any step.

    `mismatch/kl` is in nats a token. With a rule, `mismatch/beyond` is the share of tokens whose weight was
    beyond its cap or floor, and `mismatch/weight` is the mean of the weights that were used.

    Args:
        rule: the recipe's section.
        logp_N, sampled_N: log-probability of each token under trainer and engine, nats.
        length_R: tokens of each response.
    """
    found = {"mismatch/kl": mismatch_kl(logp_N, sampled_N)}
    if rule is not None:
        response_N = torch.arange(len(length_R)).repeat_interleave(length_R)
        parts = (rule, logp_N, sampled_N, response_N, len(length_R))
        found["mismatch/beyond"] = float((~within(rule, raw_ratio(*parts))).float().mean())
        found["mismatch/weight"] = float(mismatch_weights(*parts).mean())
    return found


def worst_token_shown(
    worst: Worst, responses: list[Response], tokenizer: PreTrainedTokenizerBase
) -> list[Any]:
    """Return the text of the token on which trainer and engine differ most, and both log-probabilities."""
    response, place = token_at(responses, worst.place)
    return [tokenizer.decode([response.token_ids[place]]), worst.logp, worst.sampled]


def _commonest(
    high_N: torch.Tensor, responses: list[Response], tokenizer: PreTrainedTokenizerBase
) -> list[list[Any]]:
    """Return text and count of the most frequent tokens among those where `high_N` is true."""
    ids = torch.tensor([token for response in responses for token in response.token_ids])
    counts = Counter(ids[high_N].tolist())
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOKENS_NAMED]
    return [[tokenizer.decode([token]), count] for token, count in most]
