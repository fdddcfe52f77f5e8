"""An episode as forward passes of this rank: prompts with all their responses, by mini-batch.

Shapes: R responses, N tokens of a pass's responses, or of all where it is said.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch

from r1v3.model.packed import Group, Pack, pack_groups
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.episode_rows import plan_rows
from r1v3.train.grpo.rollouts import Episode, Prompt


@dataclass
class Pass:
    """Prompts that one forward pass takes; what is None is not known or not needed."""

    batch: int
    rows: slice
    pack: Pack
    sampled_N: torch.Tensor
    keep_N: torch.Tensor
    logp_N: torch.Tensor | None = None
    entropy_N: torch.Tensor | None = None
    reference_N: torch.Tensor | None = None
    held_N: torch.Tensor | None = None

    def look(self, logp_N: torch.Tensor, entropy_N: torch.Tensor) -> None:
        """Note what the policy thinks before the first step."""
        if self.logp_N is None:
            self.logp_N, self.entropy_N = logp_N.detach(), entropy_N

    def old_N(self, which: str) -> torch.Tensor:
        """Log-probabilities below the ratio's line."""
        known = {"trainer": self.logp_N, "engine": self.sampled_N, "reference": self.reference_N}
        return known[which]


def pack_episode(prompts: list[Prompt], responses: list, samples: int) -> Pack:
    """Prompts with their M responses each, in order, as one pack."""
    return pack_rows(prompts, responses, samples, slice(0, len(responses)))


def pack_rows(prompts: list[Prompt], responses: list, samples: int, rows: slice) -> Pack:
    """A run of responses, each prompt with those of its own that are in it, as one pack."""
    groups = []
    for n in range(rows.start // samples, (rows.stop - 1) // samples + 1):
        first, stop = max(rows.start, n * samples), min(rows.stop, (n + 1) * samples)
        answers = tuple(r.token_ids for r in responses[first:stop])
        groups.append(Group(prompts[n].encoded.prompt_ids, answers, prompts[n].encoded.tiles))
    return pack_groups(groups)


def plan_episode(
    episode: Episode, settings: dict, ranks: Ranks, *, side: int | None = None
) -> tuple[list[Pass], list[slice]]:
    """This rank's passes, and the responses of each mini-batch, over all ranks.

    Args:
        side: of a blank tile, in pixels, where every rank must make as many passes as the others, each with a
            tile; a pass that stands in has no token to learn. None: they need not be alike.
    """
    samples, count = settings["samples"], len(episode.prompts)
    cuts = [count * n // settings["minibatches"] for n in range(settings["minibatches"] + 1)]
    sizes = [slice(low * samples, high * samples) for low, high in pairwise(cuts)]
    passes = []
    for batch, every in enumerate(sizes):
        plan = plan_rows(
            [len(p.encoded.prompt_ids) for p in episode.prompts[cuts[batch] : cuts[batch + 1]]],
            [len(r.token_ids) for r in episode.responses[every]],
            samples,
            settings["parallel"]["pass_tokens"],
            ranks.world,
        )
        own = [slice(every.start + r.start, every.start + r.stop) for r in plan[ranks.rank]]
        if side:
            own += [slice(every.start, every.start)] * (max(map(len, plan)) - len(own))
        passes += [_pass(batch, rows, episode, settings, ranks, side) for rows in own]
    return passes, sizes


def _pass(batch: int, rows: slice, episode: Episode, settings: dict, ranks: Ranks, side) -> Pass:
    shown = rows if rows.stop > rows.start else slice(rows.start, rows.start + 1)
    pack = pack_rows(episode.prompts, episode.responses, settings["samples"], shown)
    if shown != rows:
        none = {name: getattr(pack, name)[:0] for name in ("source_N", "target_N", "response_N")}
        pack = replace(pack, **none)
    pack = (pack.with_blank_tile(side) if side else pack).to(ranks.device)
    responses = episode.responses[rows]
    counts_R = torch.ones(len(responses))
    if settings["overlong"] == "mask":
        counts_R = torch.tensor([float(r.finish_reason == "stop") for r in responses])
    sampled_N = torch.tensor([p for r in responses for p in r.logprobs])
    keep_N = counts_R.to(ranks.device)[pack.response_N]
    return Pass(batch, rows, pack, sampled_N.to(ranks.device), keep_N)


def gathered(passes: list[Pass], ranks: Ranks) -> list[torch.Tensor]:
    """logp_N, entropy_N and sampled_N of the whole episode, in the order of its responses."""
    own = [(p.rows.start, *(t.cpu() for t in (p.logp_N, p.entropy_N, p.sampled_N))) for p in passes]
    parts = sorted(ranks.gather(own), key=lambda part: part[0])
    return [torch.cat([part[n] for part in parts]) for n in (1, 2, 3)]
