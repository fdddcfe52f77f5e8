"""Decodes rows together in a loop. Finished rows leave, and waiting requests take their places.

Shapes: P prompts, B rows (prompt times sample), L positions, V vocabulary, T new tokens.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.nn.functional import pad
from transformers import PreTrainedModel

from r1v3.generate.in_process.row_cache import RowCache
from r1v3.generate.in_process.sample_token import draw_tokens, uniforms
from r1v3.generate.types import Request, Sampling
from r1v3.model.encode import EncodedPrompt, Encoder
from r1v3.model.packed import embed, masks_by_layer
from r1v3.model.pictures import join, prompt_positions
from r1v3.model.prompt_template import END_OF_THINK

NO_PICTURES = torch.zeros(0)
KEEP_SHARE = 0.75
# New rows are padded to the position of the old ones, so they join when a quarter of the rows is left. Later,
# the batch would be half empty; earlier, padding and prefills would be more frequent (perf/generate.py).
REFILL_SHARE = 0.25


@dataclass(frozen=True)
class Asked:
    """A request and its prompt; `number` is its index among all requests."""

    number: int
    request: Request
    encoded: EncodedPrompt


@dataclass(frozen=True)
class FinishedSample:
    """A finished sample: its request, and its ids and their log-probabilities."""

    asked: Asked
    sample: int
    ids: list[int]
    logprobs: list[float]


class Admitted(NamedTuple):
    """Prefilled requests, one row each: last logits, cache, prompt length, slot, and most new tokens.

    `ahead` is the position of the first new token minus the prompt's length. It is negative if a picture's
    tokens share positions.
    """

    logits_BV: torch.Tensor
    cache: RowCache
    length: torch.Tensor
    ahead: torch.Tensor
    slot: torch.Tensor
    limit: torch.Tensor


class DecodeLoop:
    """Decodes the rows of requests that `feed` returns.

    Args:
        capacity: number of rows that decode together.
        feed: returns up to the given number of waiting requests, and none when all were returned.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        encoder: Encoder,
        sampling: Sampling,
        capacity: int,
        feed: Callable[[int], list[Asked]],
    ):
        self.model, self.encoder, self.sampling = model, encoder, sampling
        self.feed, self.capacity = feed, capacity
        self.device = model.device
        self.stop_id = encoder.tokenizer.eos_token_id
        self.close = encoder.text_ids(sampling.close) if sampling.thought_tokens is not None else ()
        self.tokens = sampling.max_new_tokens + (sampling.thought_tokens or 0) + len(self.close)
        self.never = torch.tensor([*encoder.never, *sampling.banned], device=self.device)
        self.close_ids = torch.tensor(self.close, dtype=torch.long, device=self.device)
        biased = [i for i, _ in sampling.bias]
        self.bias_ids = torch.tensor(biased, dtype=torch.long, device=self.device)
        self.bias = torch.tensor([value for _, value in sampling.bias], device=self.device)
        self.tail = max((len(text.encode()) for text in sampling.stop), default=0) + 8
        self.layers = model.config.get_text_config().num_hidden_layers
        self.context = getattr(model.config.get_text_config(), "max_position_embeddings", None)

    def run(self) -> Iterator[list[FinishedSample]]:
        """Yield finished rows, some at a time, until no request waits."""
        while waiting := self.feed(max(1, self.capacity // self.sampling.samples)):
            self._start(waiting)
            yield from self._decode()

    def _start(self, waiting: list[Asked]) -> None:
        """Open rows for the first requests. Their slots hold the sampled and emitted tokens."""
        rows = len(waiting) * self.sampling.samples
        slots = max(rows, self.capacity)
        self.out_ids = torch.full((slots, self.tokens), -1)
        self.out_logp = torch.zeros(slots, self.tokens)
        self.drawn = torch.zeros(slots, self.tokens)
        self.owner: list[tuple[Asked, int] | None] = [None] * slots
        new = self._admit(waiting, room=self.tokens)
        self.logits, self.cache, self.length, self.ahead, self.slot, self.limit = new
        self.padding = self.cache.length - self.length
        self.visible = self._visible()
        self.step = torch.zeros(rows, dtype=torch.long)
        self.open = torch.ones(rows, dtype=torch.bool)
        self.forced = torch.zeros(rows, dtype=torch.bool)

    def _admit(self, waiting: list[Asked], room: int) -> Admitted:
        """Prefill requests and assign free slots to them."""
        sampling = self.sampling
        logits_BV, cache, lengths, ahead = self._prefill([a.encoded for a in waiting], room)
        lengths = lengths.repeat_interleave(sampling.samples)
        ahead = ahead.repeat_interleave(sampling.samples)
        free = [n for n, owner in enumerate(self.owner) if owner is None]
        slot = torch.tensor(free[: len(lengths)])
        for number, where in enumerate(slot.tolist()):
            self.owner[where] = (waiting[number // sampling.samples], number % sampling.samples)
        self.drawn[slot] = torch.cat([uniforms(a.request, sampling, self.tokens) for a in waiting])
        limit = torch.full_like(slot, self.tokens - len(self.close))
        if self.context:
            limit = limit.minimum(self.context - lengths.cpu()).clamp(min=1)
        return Admitted(logits_BV, cache, lengths, ahead, slot, limit)

    def _visible(self) -> torch.Tensor:
        position = torch.arange(self.cache.room, device=self.device)
        return position[None] >= self.padding[:, None]

    def _decode(self) -> Iterator[list[FinishedSample]]:
        """Decode until no row is open. Then the queue is empty, or a new start follows."""
        while True:
            token_B = self._emit()
            left = int(self.open.sum())
            done: list[FinishedSample] = []
            joining: tuple[torch.Tensor, list[Asked]] | None = (
                None  # rows to keep, and requests to add
            )
            if left <= KEEP_SHARE * len(self.open):
                done = self._finished()
                if not left:
                    yield done
                    return
                kept = self.open.nonzero()[:, 0]
                refill = left <= REFILL_SHARE * self.capacity
                free = (self.capacity - left) // self.sampling.samples
                if refill and (waiting := self.feed(free)):
                    joining = kept, waiting
                else:
                    near = kept.to(self.device)
                    self.cache.select(near)
                    token_B, self.visible = token_B[near], self.visible[near]
                    self._keep(kept)
            self.logits = self._forward(
                embed(self.model, token_B[:, None], NO_PICTURES),
                (self.length + self.ahead + self.step.to(self.device) - 1)[:, None],
                self.visible[:, None, None, : self.cache.length + 1],
                self.cache,
            )
            if joining:
                self._refill(*joining)
            if done:
                yield done

    def _emit(self) -> torch.Tensor:
        """Sample a token for every row, store it, and close the rows that end with it."""
        logits_BV, sampling = self.logits, self.sampling
        if len(self.bias):
            logits_BV[:, self.bias_ids] += self.bias
        logits_BV[:, self.never] = -torch.inf
        at = self.step.clamp(max=self.tokens - 1)
        token_B, log_probs_BV = draw_tokens(logits_BV, self.drawn[self.slot, at], sampling)
        logp_B = log_probs_BV.gather(1, token_B[:, None])[:, 0]
        if self.close and sampling.thought_tokens is not None:
            token_B, logp_B = self._closed(token_B, logp_B, sampling.thought_tokens)
        logp_B = logp_B.cpu()
        token, slot, step = token_B.cpu(), self.slot[self.open], self.step[self.open]
        self.out_ids[slot, step] = token[self.open]
        self.out_logp[slot, step] = logp_B[self.open]
        self.step += self.open
        self.open &= (token != self.stop_id) & (self.step < self.limit)
        if sampling.stop:
            self._stop_at_strings()
        return token_B

    def _closed(
        self, token_B: torch.Tensor, logp_B: torch.Tensor, budget: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the tokens. If a thought is over its budget, return those that close it instead."""
        for row in (self.open & (self.step == budget) & ~self.forced).nonzero()[:, 0].tolist():
            thought = self.encoder.tokenizer.decode(self.out_ids[self.slot[row], :budget])
            if END_OF_THINK not in thought:
                self.forced[row] = True
                self.limit[row] += len(self.close)
        place = (self.step - budget).to(self.device)
        now = self.forced.to(self.device) & (place >= 0) & (place < len(self.close))
        closing_B = self.close_ids[place.clamp(0, len(self.close) - 1)]
        return torch.where(now, closing_B, token_B), torch.where(now, 0.0, logp_B)

    def _stop_at_strings(self) -> None:
        rows = self.open.nonzero()[:, 0].tolist()
        ends = [
            self.out_ids[self.slot[row], max(0, int(self.step[row]) - self.tail) : self.step[row]]
            for row in rows
        ]
        for row, text in zip(rows, self.encoder.tokenizer.batch_decode(ends)):
            if any(string in text for string in self.sampling.stop):
                self.open[row] = False

    def _finished(self) -> list[FinishedSample]:
        """Return the closed rows, and free their slots."""
        done = []
        closed = (~self.open).nonzero()[:, 0]
        slots = self.slot[closed]
        ids, logp = self.out_ids[slots].tolist(), self.out_logp[slots].tolist()
        for number, (slot, end) in enumerate(zip(slots.tolist(), self.step[closed].tolist())):
            asked, sample = self.owner[slot]
            self.owner[slot] = None
            done.append(FinishedSample(asked, sample, ids[number][:end], logp[number][:end]))
        return done

    def _keep(self, rows: torch.Tensor) -> None:
        near = rows.to(self.device)
        self.length, self.padding = self.length[near], self.padding[near]
        self.ahead = self.ahead[near]
        self.slot, self.limit, self.step = self.slot[rows], self.limit[rows], self.step[rows]
        self.open, self.forced = self.open[rows], self.forced[rows]

    def _refill(self, kept: torch.Tensor, waiting: list[Asked]) -> None:
        """Add new rows to the kept ones, so that all end at the same position of the cache."""
        near = kept.to(self.device)
        logits_BV, cache, length, ahead, slot, limit = self._admit(waiting, room=0)
        self._keep(kept)
        self.cache.join(near, int(self.padding.min()), cache, room=self.tokens)
        self.logits = torch.cat([self.logits[near], logits_BV])
        fed = torch.cat([self.length + self.step.to(self.device), length])
        self.padding = self.cache.length - fed
        self.visible = self._visible()
        self.length, self.ahead = torch.cat([self.length, length]), torch.cat([self.ahead, ahead])
        self.slot, self.limit = torch.cat([self.slot, slot]), torch.cat([self.limit, limit])
        self.step = torch.cat([self.step, torch.zeros_like(slot)])
        self.open = torch.cat([self.open, torch.ones(len(slot), dtype=torch.bool)])
        self.forced = torch.cat([self.forced, torch.zeros(len(slot), dtype=torch.bool)])

    def _prefill(
        self, encoded: list[EncodedPrompt], room: int
    ) -> tuple[torch.Tensor, RowCache, torch.Tensor, torch.Tensor]:
        """Return last logits and a cache of all rows, the prompts' lengths, and `ahead` (`Admitted`)."""
        device, samples = self.device, self.sampling.samples
        lengths = torch.tensor([len(e.prompt_ids) for e in encoded], device=device)
        longest = int(lengths.max())
        filler = self.encoder.tokenizer.pad_token_id
        ids_PL = torch.tensor(
            [[filler] * (longest - len(e.prompt_ids)) + list(e.prompt_ids) for e in encoded],
            device=device,
        )
        shown = [e.tiles for e in encoded]
        position_P = [prompt_positions(e.prompt_ids, own) for e, own in zip(encoded, shown)]
        position = torch.arange(longest, device=device)
        real = position >= (longest - lengths)[:, None]
        mask = (position[:, None] >= position)[None] & real[:, None]
        mask |= torch.eye(longest, dtype=torch.bool, device=device)
        cache = RowCache(self.layers, longest + room)
        logits_PV = self._forward(
            embed(self.model, ids_PL, join(shown).to(device)),
            _padded(position_P, longest).to(device),
            mask[:, None],
            cache,
        )
        if samples > 1:
            copies = torch.arange(len(encoded), device=device).repeat_interleave(samples)
            cache.select(copies)
            logits_PV = logits_PV[copies]
        behind = torch.tensor([int(own.max()) + 1 for own in position_P], device=device)
        return logits_PV, cache, lengths, behind - lengths

    def _forward(
        self,
        inputs: dict[str, Any],
        positions: torch.Tensor,
        mask: torch.Tensor,
        cache: RowCache,
    ) -> torch.Tensor:
        hidden = self.model.model.language_model(
            **inputs,
            position_ids=positions,
            attention_mask=masks_by_layer(self.model, mask),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
        return self.model.lm_head(hidden).float()


def _padded(positions: list[torch.Tensor], longest: int) -> torch.Tensor:
    """Return positions of prompts, of shape (P, L) or (3, P, L), with zeros before the shorter ones."""
    shape = (3, -1) if any(own.dim() == 2 for own in positions) else (-1,)
    rows = [own.expand(shape) for own in positions]
    return torch.stack([pad(own, (longest - own.shape[-1], 0)) for own in rows], -2)
