"""The forward passes of this rank over an episode. A pass holds prompts with their responses.

Shapes: R responses, N tokens of the responses of a pass (or of the episode, where the docstring says so).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Literal

import torch

from r1v3.generate.types import Response
from r1v3.model.packed import Group, Pack, pack_groups
from r1v3.model.pictures import Pictures
from r1v3.recipe.schema.training import Grpo
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.passes.episode_rows import plan_rows
from r1v3.train.grpo.sampling.prompts import Prompt
from r1v3.train.grpo.sampling.rollouts import Episode

OldPolicy = Literal["trainer", "engine", "reference"]


@dataclass
class Pass:
    """The inputs and results of one forward pass. A tensor is None if it is unknown yet or not needed.

    Attributes:
        batch: number of the mini-batch.
        rows: which of the episode's responses are in the pass.
        build: makes the pack on this rank's device. Free one pack before making the next: all packs of an
            episode together take tens of GB.
        response_N: number of the response that each token belongs to, from 0 in each pass.
        sampled_N: log-probabilities under the engine that sampled, nats.
        keep_N: 1 for tokens that count in the loss, 0 for others.
        logp_N: log-probabilities under the policy before the episode's first step, nats.
        entropy_N: entropies of the policy before the episode's first step, nats.
        reference_N: log-probabilities under the reference policy, nats.
        kl_weight_N: KL-Cov's penalty on each token.
        blank_N: as `logp_N`, with every picture blank.
    """

    batch: int
    rows: slice
    build: Callable[[], Pack]
    response_N: torch.Tensor
    sampled_N: torch.Tensor
    keep_N: torch.Tensor
    logp_N: torch.Tensor | None = None
    entropy_N: torch.Tensor | None = None
    reference_N: torch.Tensor | None = None
    kl_weight_N: torch.Tensor | None = None
    blank_N: torch.Tensor | None = None

    def note_first(self, logp_N: torch.Tensor, entropy_N: torch.Tensor) -> None:
        """Store the results of the first forward pass, of shape (N,). Later calls change nothing."""
        if self.logp_N is None:
            self.logp_N, self.entropy_N = logp_N.detach(), entropy_N

    def old_logp_N(self, policy: OldPolicy) -> torch.Tensor:
        """Return the log-probabilities in the denominator of the importance ratio, of shape (N,), nats."""
        known = {"trainer": self.logp_N, "engine": self.sampled_N, "reference": self.reference_N}
        found = known[policy]
        assert found is not None, f"no forward pass of the {policy} has been made"
        return found


@dataclass(frozen=True)
class EpisodePlan:
    """This rank's passes, and the responses of each mini-batch, counted over all ranks."""

    passes: list[Pass]
    minibatches: list[slice]


def pack_episode(prompts: list[Prompt], responses: list[Response], samples: int) -> Pack:
    """Pack prompts with `samples` responses each, in order."""
    return pack_rows(prompts, responses, samples, slice(0, len(responses)))


def pack_rows(prompts: list[Prompt], responses: list[Response], samples: int, rows: slice) -> Pack:
    """Pack the responses `rows` with their prompts; each prompt occurs once."""
    groups: list[Group] = []
    for n in range(rows.start // samples, (rows.stop - 1) // samples + 1):
        first, stop = max(rows.start, n * samples), min(rows.stop, (n + 1) * samples)
        answers = tuple(r.token_ids for r in responses[first:stop])
        groups.append(Group(prompts[n].encoded.prompt_ids, answers, prompts[n].encoded.tiles))
    return pack_groups(groups)


def plan_episode(
    episode: Episode,
    samples: int,
    ranks: Ranks,
    *,
    pass_tokens: int | None,
    minibatches: int = 1,
    mask_overlong: bool = False,
    blank: Pictures | None = None,
) -> EpisodePlan:
    """Divide an episode into mini-batches and forward passes.

    Args:
        samples: responses of each prompt.
        pass_tokens: most tokens of a pass; see `plan_rows`.
        mask_overlong: responses that were cut off do not count in the loss.
        blank: a blank picture, if every rank must make the same number of passes, each with a picture. A
            pass that is added for this purpose has no token to learn. None if the numbers may differ.
    """
    count = len(episode.prompts)
    cuts = [count * n // minibatches for n in range(minibatches + 1)]
    batches = [slice(low * samples, high * samples) for low, high in pairwise(cuts)]
    passes: list[Pass] = []
    for batch, every in enumerate(batches):
        plan = plan_rows(
            [len(p.encoded.prompt_ids) for p in episode.prompts[cuts[batch] : cuts[batch + 1]]],
            [len(r.token_ids) for r in episode.responses[every]],
            samples,
            pass_tokens,
            ranks.world,
        )
        own = [slice(every.start + r.start, every.start + r.stop) for r in plan[ranks.rank]]
        if blank is not None:
            own += [slice(every.start, every.start)] * (max(map(len, plan)) - len(own))
        for rows in own:
            build = partial(_pack, episode, samples, rows, blank, ranks.device)
            passes.append(_pass(batch, rows, build, episode.responses[rows], mask_overlong, ranks))
    return EpisodePlan(passes, batches)


def plan_updates(
    episode: Episode, settings: Grpo, ranks: Ranks, *, blank: Pictures | None
) -> EpisodePlan:
    """Divide an episode into mini-batches and passes as the recipe says; see `plan_episode`."""
    return plan_episode(
        episode,
        settings.samples,
        ranks,
        pass_tokens=settings.parallel.pass_tokens,
        minibatches=settings.minibatches,
        mask_overlong=settings.overlong == "mask",
        blank=blank,
    )


def _pack(
    episode: Episode, samples: int, rows: slice, blank: Pictures | None, device: torch.device
) -> Pack:
    """Pack the responses `rows`. If there are none, pack the next response with no token to learn."""
    shown = rows if rows.stop > rows.start else slice(rows.start, rows.start + 1)
    pack = pack_rows(episode.prompts, episode.responses, samples, shown)
    if shown != rows:
        pack = replace(
            pack,
            source_N=pack.source_N[:0],
            target_N=pack.target_N[:0],
            response_N=pack.response_N[:0],
        )
    return (pack if blank is None else pack.with_blank_tile(blank)).to(device)


def _pass(
    batch: int,
    rows: slice,
    build: Callable[[], Pack],
    responses: list[Response],
    mask_overlong: bool,
    ranks: Ranks,
) -> Pass:
    counts_R = torch.ones(len(responses))
    if mask_overlong:
        counts_R = torch.tensor([float(r.finish_reason == "stop") for r in responses])
    sampled_N = torch.tensor([p for r in responses for p in r.logprobs])
    length_R = torch.tensor([len(r.token_ids) for r in responses], dtype=torch.long)
    response_N = torch.arange(len(responses)).repeat_interleave(length_R)
    keep_N = counts_R[response_N]
    device = ranks.device
    return Pass(batch, rows, build, response_N.to(device), sampled_N.to(device), keep_N.to(device))


@dataclass(frozen=True)
class TokenStats:
    """Measurements of every token of the episode, in the order of its responses, in nats, on the CPU.

    `visual_N` is the visual dependency: how much the picture raises the token's log-probability. It is None
    if no pass with blank pictures was made.
    """

    logp_N: torch.Tensor
    entropy_N: torch.Tensor
    sampled_N: torch.Tensor
    visual_N: torch.Tensor | None = None


def gather_stats(passes: list[Pass], ranks: Ranks) -> TokenStats:
    """Put the passes of all ranks together. Each pass must have had its first forward pass (`note_first`)."""
    own: list[tuple[int, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]] = []
    for each in passes:
        assert each.logp_N is not None, "no forward pass yet"
        assert each.entropy_N is not None, "no forward pass yet"
        logp_N, blank_N = each.logp_N.cpu(), each.blank_N
        visual_N = None if blank_N is None else logp_N - blank_N.cpu()
        own.append((each.rows.start, logp_N, each.entropy_N.cpu(), each.sampled_N.cpu(), visual_N))
    parts = sorted(ranks.gather(own), key=lambda part: part[0])
    _, logp, entropy, sampled, visual = zip(*parts)
    measured = None if any(part is None for part in visual) else torch.cat(visual)
    return TokenStats(torch.cat(logp), torch.cat(entropy), torch.cat(sampled), measured)
