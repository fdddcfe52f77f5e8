"""Collecting an episode: one round of prompts, or as many as Dynamic Sampling asks for (section 5.5).

Dynamic Sampling (DAPO, arXiv 2503.14476) replaces the groups whose samples are all right or all wrong.
What counts is the spread of *accuracy*: a group that differs in format alone has advantages too, yet it
teaches the template and not the task; such groups are replaced as well, and counted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from r1v3.generate.types import Response
from r1v3.train.grpo.advantage import varied
from r1v3.train.grpo.prompt_order import PromptOrder
from r1v3.train.grpo.rollouts import Episode, Prompt, check_judged, whole_episode
from r1v3.train.grpo.sampler import BesideTrainer, OwnModel


@dataclass(frozen=True)
class Graded:
    """A prompt with its M responses, and what each was worth."""

    prompt: Prompt
    responses: list[Response]
    accuracy_M: torch.Tensor
    format_M: torch.Tensor
    reward_M: torch.Tensor
    reasons: list[tuple[str, str]]


@dataclass(frozen=True)
class Collected:
    """An episode, how many prompts were drawn since the run began, and what Dynamic Sampling counted.

    `unused` holds the groups that were sampled and are no part of the episode.
    """

    episode: Episode
    drawn: int
    counts: dict[str, int]
    unused: list[Graded] = field(default_factory=list)


def collect(
    run: Callable[..., Episode],
    order: PromptOrder,
    settings: dict,
    sampler: OwnModel | BesideTrainer,
    *,
    seed: str,
) -> Collected:
    """An episode of `prompts_per_step` groups.

    With Dynamic Sampling rounds go on until every group's accuracy varies. Where `max_rounds` do not
    suffice, the places left are filled with groups that were passed over: those that differ in format first.
    A round asks one prompt a rank at least, so the last may bring more groups than are missing: a surplus.

    Args:
        run: samples and grades prompts, with a seed.
        sampler: says which of them this process asks.
        seed: names the episode.

    Raises:
        RuntimeError: of all answers, used or not, more stayed unjudged than the recipe allows.
    """
    wanted, dynamic = settings["prompts_per_step"], settings["dynamic_sampling"]
    if not dynamic:
        chosen = order.take(wanted)
        own = run(prompts=sampler.share(chosen), seed=seed)
        episode = whole_episode(chosen, own, sampler.ranks)
        check_judged(episode.reasons, settings["reward"])
        return Collected(episode, order.drawn, {})
    rounds, taken, passed_over = 0, [], []
    while rounds < dynamic["max_rounds"] and len(taken) < wanted:
        missing = wanted - len(taken)
        world = sampler.ranks.world
        chosen = order.take(world * math.ceil(missing / world))  # one each at least
        own = run(prompts=sampler.share(chosen), seed=f"{seed}/{rounds}" if rounds else seed)
        episode = whole_episode(chosen, own, sampler.ranks)
        for group, good in zip(groups_of(episode), varied(episode.accuracy_GM).tolist()):
            (taken if good else passed_over).append(group)
        rounds += 1
    reasons = [reason for group in taken + passed_over for reason in group.reasons]
    check_judged(reasons, settings["reward"])
    unfilled = max(0, wanted - len(taken))
    form_alone = [group for group in passed_over if varied(group.reward_M[None])[0]]
    silent = [group for group in passed_over if not varied(group.reward_M[None])[0]]
    counts = {
        "sampling_rounds": rounds,
        "discarded_prompts": len(passed_over) - unfilled,
        "format_alone_groups": len(form_alone),
        "unfilled_groups": unfilled,
        "surplus_groups": max(0, len(taken) - wanted),
    }
    groups = taken + form_alone + silent
    return Collected(episode_of(groups[:wanted]), order.drawn, counts, groups[wanted:])


def groups_of(episode: Episode) -> list[Graded]:
    """The episode's groups one by one."""
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
        )
        for n, (prompt, part) in enumerate(zip(episode.prompts, parts))
    ]


def episode_of(groups: list[Graded]) -> Episode:
    """Groups put together again."""
    return Episode(
        [group.prompt for group in groups],
        [response for group in groups for response in group.responses],
        torch.stack([group.accuracy_M for group in groups]),
        torch.stack([group.format_M for group in groups]),
        torch.stack([group.reward_M for group in groups]),
        [reason for group in groups for reason in group.reasons],
    )
