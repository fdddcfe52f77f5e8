"""Collect an episode: one round of prompts, or as many rounds as Dynamic Sampling needs (section 5.5).

Dynamic Sampling (DAPO, arXiv 2503.14476) replaces groups whose samples are all right or all wrong. It
compares the *accuracy* of the samples. A group whose samples differ only in format has nonzero advantages
too, but it teaches the template instead of the task. Such groups are replaced as well, and counted.
"""

import math
from dataclasses import dataclass, field
from typing import Protocol

import torch

from r1v3.generate.types import Response
from r1v3.recipe.schema.training import Grpo
from r1v3.train.grpo.loss.advantage import has_variance
from r1v3.train.grpo.sampling.prompt_order import PromptOrder
from r1v3.train.grpo.sampling.prompts import Prompt
from r1v3.train.grpo.sampling.rollouts import (
    Episode,
    check_judged,
    check_scored,
    gather_episode,
)
from r1v3.train.grpo.sampling.sampler import BesideTrainer, OwnModel


@dataclass(frozen=True)
class Graded:
    """A prompt with its M responses, and their rewards of shape (M,), each in [0, 1].

    `score_M` has the reward model's scores, as in `Episode`.
    """

    prompt: Prompt
    responses: list[Response]
    accuracy_M: torch.Tensor
    format_M: torch.Tensor
    reward_M: torch.Tensor
    reasons: list[tuple[str, str]]
    score_M: torch.Tensor | None = None


@dataclass(frozen=True)
class Collected:
    """An episode, and facts about how it was collected.

    Attributes:
        drawn: number of prompts drawn since the run began.
        counts: counts of Dynamic Sampling; empty without it.
        unused: groups that were sampled but are not part of the episode.
    """

    episode: Episode
    drawn: int
    counts: dict[str, int]
    unused: list[Graded] = field(default_factory=list[Graded])


class RunRound(Protocol):
    """A function that samples and grades some prompts; `seed` names the round."""

    def __call__(self, *, prompts: list[Prompt], seed: str) -> Episode:
        """Return the episode of these prompts."""
        ...


def collect_episode(
    run: RunRound,
    order: PromptOrder[Prompt],
    settings: Grpo,
    sampler: OwnModel | BesideTrainer,
    *,
    seed: str,
) -> Collected:
    """Collect an episode of `prompts_per_step` groups.

    With Dynamic Sampling, rounds continue until accuracy varies in every group. If that takes more than
    `max_rounds` rounds, groups that were passed over fill the gap; those that differ in format come first. A
    round asks at least one prompt a rank, so the last round may bring more groups than are missing.

    Args:
        run: samples and grades a round of prompts.
        order: decides which prompts come next.
        sampler: decides which of them this process asks.
        seed: names the episode.

    Raises:
        RuntimeError: more of all sampled answers stayed unjudged than the recipe allows.
    """
    wanted, dynamic = settings.prompts_per_step, settings.dynamic_sampling
    if not dynamic:
        chosen = order.take(wanted)
        own = run(prompts=sampler.share(chosen), seed=seed)
        episode = gather_episode(chosen, own, sampler.ranks)
        check_judged(episode.reasons, settings.reward)
        check_scored(episode.score_GM, settings.reward_model)
        return Collected(episode, order.drawn, {})
    rounds = 0
    taken: list[Graded] = []
    passed_over: list[Graded] = []
    while rounds < dynamic.max_rounds and len(taken) < wanted:
        missing = wanted - len(taken)
        world = sampler.ranks.world
        chosen = order.take(world * math.ceil(missing / world))  # at least one for each rank
        own = run(prompts=sampler.share(chosen), seed=f"{seed}/{rounds}" if rounds else seed)
        episode = gather_episode(chosen, own, sampler.ranks)
        for group, good in zip(groups_of(episode), has_variance(episode.accuracy_GM).tolist()):
            (taken if good else passed_over).append(group)
        rounds += 1
    reasons = [reason for group in taken + passed_over for reason in group.reasons]
    check_judged(reasons, settings.reward)
    check_scored(episode_of(taken + passed_over).score_GM, settings.reward_model)
    unfilled = max(0, wanted - len(taken))
    format_only = [group for group in passed_over if has_variance(group.reward_M[None])[0]]
    zero_variance = [group for group in passed_over if not has_variance(group.reward_M[None])[0]]
    counts = {
        "sampling_rounds": rounds,
        "discarded_prompts": len(passed_over) - unfilled,
        "format_alone_groups": len(format_only),
        "unfilled_groups": unfilled,
        "surplus_groups": max(0, len(taken) - wanted),
    }
    groups = taken + format_only + zero_variance
    return Collected(episode_of(groups[:wanted]), order.drawn, counts, groups[wanted:])


def groups_of(episode: Episode) -> list[Graded]:
    """Split an episode into its groups."""
    samples = episode.reward_GM.shape[1]
    parts = [slice(n * samples, (n + 1) * samples) for n in range(len(episode.prompts))]
    return [
        Graded(
            prompt,
            episode.responses[part],
            episode.accuracy_GM[n],
            episode.format_GM[n],
            episode.reward_GM[n],
            episode.reasons[part],
            None if episode.score_GM is None else episode.score_GM[n],
        )
        for n, (prompt, part) in enumerate(zip(episode.prompts, parts))
    ]


def episode_of(groups: list[Graded]) -> Episode:
    """Join groups, in their order, into an episode."""
    scores = [group.score_M for group in groups if group.score_M is not None]
    return Episode(
        [group.prompt for group in groups],
        [response for group in groups for response in group.responses],
        torch.stack([group.accuracy_M for group in groups]),
        torch.stack([group.format_M for group in groups]),
        torch.stack([group.reward_M for group in groups]),
        [reason for group in groups for reason in group.reasons],
        torch.stack(scores) if scores else None,
    )
