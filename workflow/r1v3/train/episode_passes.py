"""An episode as forward passes of this rank: prompts with all their responses, by mini-batch.

Shapes: R responses, N tokens of a pass's responses, or of all where it is said.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch

from r1v3.model.packed import Group, Pack, pack_groups
from r1v3.train.ranks import Ranks
from r1v3.train.rollouts import Episode, Prompt

PROMPTS_A_PASS = 64


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
    return pack_groups(
        [
            Group(
                prompt.encoded.prompt_ids,
                tuple(r.token_ids for r in responses[n * samples : (n + 1) * samples]),
                prompt.encoded.tiles,
            )
            for n, prompt in enumerate(prompts)
        ]
    )


def plan_episode(episode: Episode, settings: dict, ranks: Ranks) -> tuple[list[Pass], list[slice]]:
    """This rank's passes, and the responses of each mini-batch, over all ranks."""
    samples, responses, count = settings["samples"], episode.responses, len(episode.prompts)
    cuts = [count * n // settings["minibatches"] for n in range(settings["minibatches"] + 1)]
    passes = []
    for batch, (low, high) in enumerate(pairwise(cuts)):
        own = ranks.share(list(range(low, high)))
        for first in range(own[0], own[-1] + 1, PROMPTS_A_PASS) if own else ():
            prompts = episode.prompts[first : min(first + PROMPTS_A_PASS, own[-1] + 1)]
            rows = slice(first * samples, (first + len(prompts)) * samples)
            pack = pack_episode(prompts, responses[rows], samples).to(ranks.device)
            counts_R = torch.ones(len(prompts) * samples)
            if settings["overlong"] == "mask":
                ended = [float(r.finish_reason == "stop") for r in responses[rows]]
                counts_R = torch.tensor(ended)
            sampled_N = torch.tensor([p for r in responses[rows] for p in r.logprobs])
            keep_N = counts_R.to(ranks.device)[pack.response_N]
            passes.append(Pass(batch, rows, pack, sampled_N.to(ranks.device), keep_N))
    sizes = [slice(low * samples, high * samples) for low, high in pairwise(cuts)]
    return passes, sizes


def gathered(passes: list[Pass], ranks: Ranks) -> list[torch.Tensor]:
    """logp_N, entropy_N and sampled_N of the whole episode, in the order of its responses."""
    own = [(p.rows.start, *(t.cpu() for t in (p.logp_N, p.entropy_N, p.sampled_N))) for p in passes]
    parts = sorted(ranks.gather(own), key=lambda part: part[0])
    return [torch.cat([part[n] for part in parts]) for n in (1, 2, 3)]
