"""Packs samples for the passes of a rank, in training and in validation."""

from dataclasses import dataclass, replace

from r1v3.model.encode import Encoder
from r1v3.model.packed import Group, Pack, pack_groups
from r1v3.train.core.flops import FlopCount
from r1v3.train.core.ranks import Ranks
from r1v3.train.sft.passes import plan_passes
from r1v3.train.sft.samples import Samples


@dataclass(frozen=True)
class Batch:
    """This rank's passes of a step; `ids` and the counts cover all ranks.

    Attributes:
        response_tokens: number of predicted tokens.
        tokens: number of tokens of prompts and responses.
        flops: operations of the step.
    """

    packs: list[Pack]
    ids: list[str]
    response_tokens: int
    tokens: int
    flops: float


@dataclass(frozen=True)
class Packer:
    """Makes packs of samples, which are given by their indices.

    Attributes:
        alike: whether all ranks must make the same number of passes, each with a tile. A rank without samples
            left then computes the first sample, with no token to learn.
        budget: most tokens of a pass; see `plan_passes`.
    """

    samples: Samples
    encoder: Encoder
    ranks: Ranks
    alike: bool
    budget: int | None

    def batch(self, chosen: list[int], count: FlopCount) -> Batch:
        """This rank's part of the batch of samples `chosen`."""
        samples = self.samples
        lengths = samples.lengths(chosen)
        responses = samples.responses(chosen)
        tiles = sum(samples.tiles[i] for i in chosen)
        return Batch(
            [self.pack(own) for own in self._passes(chosen)],
            [samples.ids[i] for i in chosen],
            responses,
            sum(lengths),
            count.batch(lengths, responses, tiles),
        )

    def _passes(self, chosen: list[int]) -> list[list[int]]:
        plan = plan_passes(self.samples.lengths(chosen), self.ranks.world, self.budget)
        own = plan[self.ranks.rank]
        return [[chosen[n] for n in part] for part in own if part or self.alike]

    def passes(self, size: int) -> list[list[int]]:
        """Return this rank's passes over all samples, `size` samples at a time, for validation."""
        every = list(range(len(self.samples.ids)))
        if self.budget is None and not self.alike:
            own = self.ranks.share(every)
            return [own[first : first + size] for first in range(0, len(own), size)]
        firsts = range(0, len(every), size)
        return [own for first in firsts for own in self._passes(every[first : first + size])]

    def pack(self, indices: list[int]) -> Pack:
        """Pack the samples of one pass, on this rank's device."""
        if not self.alike:
            return pack_groups([self._group(i) for i in indices]).to(self.ranks.device)
        pack = pack_groups([self._group(i) for i in indices or [0]])
        if not indices:
            pack = replace(pack, source_N=pack.source_N[:0], target_N=pack.target_N[:0])
        return pack.with_blank_tile(self.encoder.processor.blank()).to(self.ranks.device)

    def _group(self, index: int) -> Group:
        group, tiles = self.samples.groups[index], self.samples.tiles[index]
        if len(group.tiles) == tiles:
            return group
        try:
            read, _ = self.encoder.tiles(self.samples.pictures[index])
        except ValueError as problem:
            raise ValueError(f"{self.samples.ids[index]}: {problem}") from problem
        if len(read) != tiles:
            raise ValueError(f"{self.samples.ids[index]}: {tiles} tiles before, {len(read)} now")
        return replace(group, tiles=read)
