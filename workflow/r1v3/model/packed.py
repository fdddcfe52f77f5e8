"""Padding-free forward passes: many sequences in one row of tokens, none seeing another.

A group is a prompt and its responses. The prompt is computed once, however many responses it has;
each response attends to its prompt and to itself. So SFT (one response a prompt) and GRPO (M of them)
are the same forward pass, and the vision tower sees each picture once.

Shapes: T tokens of the pack, N predicted tokens, S segments, Q queries and K keys of a segment,
H heads, D features of a head.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch.nn.attention import varlen
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

ATTENTION, FLASH = "packed_segments", "packed_flash"


@dataclass(frozen=True)
class Group:
    """A prompt with its tiles and its responses, all as token ids."""

    prompt_ids: tuple[int, ...]
    responses: tuple[tuple[int, ...], ...]
    tiles: torch.Tensor


@dataclass(frozen=True)
class Bucket:
    """Segments padded to one length: which tokens ask, which answer, and who may see whom."""

    query_SQ: torch.Tensor
    key_SK: torch.Tensor
    mask_SQK: torch.Tensor


@dataclass(frozen=True)
class Plan:
    """How attention runs over a pack; `restore_T` puts the buckets' outputs back in order.

    Where no prompt is shared, the segments lie one after another and `bounds` holds their S + 1 borders.
    """

    buckets: tuple[Bucket, ...]
    restore_T: torch.Tensor
    bounds: torch.Tensor | None = None


@dataclass(frozen=True)
class Pack:
    """Tokens of all groups, and for each predicted token: from which position, and what it is."""

    input_ids_T: torch.Tensor
    position_ids_T: torch.Tensor
    tiles: torch.Tensor
    plan: Plan
    source_N: torch.Tensor
    target_N: torch.Tensor
    response_N: torch.Tensor
    blank: bool = False  # the tile belongs to no token; see `with_blank_tile`

    def to(self, device) -> "Pack":
        """The same pack on another device."""
        buckets = tuple(
            Bucket(b.query_SQ.to(device), b.key_SK.to(device), b.mask_SQK.to(device))
            for b in self.plan.buckets
        )
        bounds = None if self.plan.bounds is None else self.plan.bounds.to(device)
        return Pack(
            self.input_ids_T.to(device),
            self.position_ids_T.to(device),
            self.tiles.to(device),
            Plan(buckets, self.plan.restore_T.to(device), bounds),
            self.source_N.to(device),
            self.target_N.to(device),
            self.response_N.to(device),
            self.blank,
        )

    def with_blank_tile(self, side: int) -> "Pack":
        """The same pack; if it has no picture, with a tile that the vision tower computes for nothing.

        Ranks that part weights or gradients must call the same modules in the same order.
        """
        if len(self.tiles):
            return self
        return replace(self, tiles=torch.zeros(1, 3, side, side), blank=True)


def pack_groups(groups: list[Group]) -> Pack:
    """Lay groups out in one row; a response's last token is predicted but never fed.

    `response_N` numbers the responses in order, over all groups.
    """
    ids, positions, source, target, response = [], [], [], [], []
    shared: list[tuple[range, range]] = []  # (own tokens, tokens of the prompt before them)
    number = 0
    for group in groups:
        start, length = len(ids), len(group.prompt_ids)
        ids += group.prompt_ids
        positions += range(length)
        alone = len(group.responses) == 1
        if not alone:
            shared.append((range(start, start + length), range(0)))
        for answer in group.responses:
            own = len(ids)
            ids += answer[:-1]
            positions += range(length, length + len(answer) - 1)
            source += [start + length - 1, *range(own, own + len(answer) - 1)]
            target += answer
            response += [number] * len(answer)
            number += 1
            if alone:
                shared.append((range(start, len(ids)), range(0)))
            elif len(answer) > 1:
                shared.append((range(own, len(ids)), range(start, start + length)))
    return Pack(
        torch.tensor(ids),
        torch.tensor(positions),
        torch.cat([group.tiles for group in groups if len(group.tiles)])
        if any(len(group.tiles) for group in groups)
        else torch.zeros(0),
        _plan(shared, len(ids)),
        torch.tensor(source),
        torch.tensor(target),
        torch.tensor(response),
    )


def _plan(segments: list[tuple[range, range]], tokens: int) -> Plan:
    kinds = ([s for s in segments if not s[1]], [s for s in segments if s[1]])
    buckets, restore, offset = [], torch.zeros(tokens, dtype=torch.long), 0
    for kind in kinds:
        if not kind:
            continue
        own = torch.tensor([len(o) for o, _ in kind])
        before = torch.tensor([len(p) for _, p in kind])
        starts = torch.tensor([o.start for o, _ in kind])
        prefixes = torch.tensor([p.start for _, p in kind])
        queries, prefix = int(own.max()), int(before.max())
        q = torch.arange(queries)
        p = torch.arange(prefix)
        real_q = q < own[:, None]
        real_p = p < before[:, None]
        query = torch.where(real_q, starts[:, None] + q, 0)
        key = torch.cat([torch.where(real_p, prefixes[:, None] + p, 0), query], 1)
        causal = (q[None, :] <= q[:, None]).expand(len(kind), -1, -1)
        mask = torch.cat([real_p[:, None].expand(-1, queries, -1), causal], 2)
        buckets.append(Bucket(query, key, mask))
        flat = offset + torch.arange(len(kind) * queries).view(len(kind), queries)
        restore[query[real_q]] = flat[real_q]
        offset += len(kind) * queries
    bounds = None
    if not kinds[1]:
        bounds = torch.tensor([0, *(own.stop for own, _ in segments)], dtype=torch.int32)
    return Plan(tuple(buckets), restore, bounds)


def _packed_attention(
    module, query, key, value, attention_mask: Plan, scaling=None, dropout=0.0, **_
):
    query_THD, key_THD, value_THD = (t[0].transpose(0, 1) for t in (query, key, value))
    grouped = query_THD.shape[1] != key_THD.shape[1]
    outputs = []
    for bucket in attention_mask.buckets:
        out_SHQD = scaled_dot_product_attention(
            query_THD[bucket.query_SQ].transpose(1, 2),
            key_THD[bucket.key_SK].transpose(1, 2),
            value_THD[bucket.key_SK].transpose(1, 2),
            attn_mask=bucket.mask_SQK[:, None],
            dropout_p=dropout,
            scale=scaling,
            enable_gqa=grouped,
        )
        outputs.append(out_SHQD.transpose(1, 2).flatten(0, 1))
    return torch.cat(outputs)[attention_mask.restore_T][None], None


def _flash_attention(
    module, query, key, value, attention_mask: Plan, scaling=None, dropout=0.0, **_
):
    """FlashAttention over segments of any length; shared prompts go the way of the buckets."""
    bounds = attention_mask.bounds
    if bounds is None:
        return _packed_attention(module, query, key, value, attention_mask, scaling, dropout)
    query_THD, key_THD, value_THD = (t[0].transpose(0, 1).contiguous() for t in (query, key, value))
    longest = max(b.query_SQ.shape[1] for b in attention_mask.buckets)
    out_THD = varlen.varlen_attn(
        query_THD,
        key_THD,
        value_THD,
        bounds,
        bounds,
        longest,
        longest,
        scale=scaling,
        window_size=(-1, 0),  # causal
        enable_gqa=query_THD.shape[1] != key_THD.shape[1],
    )
    return out_THD[None], None


AttentionInterface.register(ATTENTION, _packed_attention)
AttentionInterface.register(FLASH, _flash_attention)


def use_packed_attention(model, attention: str = "sdpa") -> None:
    """Let the language model attend by plans; the vision tower keeps its own attention.

    Args:
        attention: `sdpa`; `flash`; or `auto`, which is `flash` where it can be.

    Raises:
        ValueError: `flash` without a CUDA device of compute capability 8 or without 16-bit weights.
    """
    can = _has_flash() and model.dtype in (torch.bfloat16, torch.float16)
    if attention == "flash" and not can:
        raise ValueError("parallel.attention flash needs CUDA (8.0 or later) and 16-bit weights")
    chosen = FLASH if can and attention in ("auto", "flash") else ATTENTION
    model.set_attn_implementation({"text_config": chosen, "vision_config": "sdpa"})


@contextmanager
def language_attention(model: PreTrainedModel, attention: str) -> Generator[None]:
    """Let the language model attend by a registered function, until the block is left."""
    before = model.config.get_text_config()._attn_implementation
    model.set_attn_implementation({"text_config": attention})
    try:
        yield
    finally:
        model.set_attn_implementation({"text_config": before})


def _has_flash() -> bool:
    return torch.cuda.is_available() and torch.cuda.get_device_capability() >= (8, 0)


def embed(
    model, input_ids: torch.Tensor, tiles: torch.Tensor, *, blank: bool = False
) -> torch.Tensor:
    """Token embeddings with the pictures' features in their places; a blank tile's count for nothing."""
    embeddings = model.get_input_embeddings()(input_ids)
    if not len(tiles):
        return embeddings
    features = model.model.get_image_features(pixel_values=tiles.to(model.dtype)).pooler_output
    if blank:
        return embeddings + 0 * features.sum()
    mask = (input_ids == model.config.image_token_id).unsqueeze(-1)
    if int(mask.sum()) != features.shape[0] * features.shape[1]:
        raise ValueError(f"{int(mask.sum())} image tokens for {features.shape[:2]} features")
    return embeddings.masked_scatter(mask, features.to(embeddings.dtype))


def hidden_states(model, pack: Pack) -> torch.Tensor:
    """Last hidden states that predict the pack's N target tokens, of shape (N, width)."""
    outputs = model.model.language_model(
        inputs_embeds=embed(model, pack.input_ids_T[None], pack.tiles, blank=pack.blank),
        position_ids=pack.position_ids_T[None],
        attention_mask={"full_attention": pack.plan},
        use_cache=False,
    )
    return outputs.last_hidden_state[0, pack.source_N]
