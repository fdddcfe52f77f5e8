"""Forward passes without padding: many sequences in one row of tokens, none of which sees another.

A group is a prompt and its responses. The prompt is computed once, however many responses it has. Each
response attends to its prompt and to itself. So SFT (one response a prompt) and GRPO (M responses) use the
same forward pass, and the vision tower computes each picture once.

Shapes: T tokens of the pack, N predicted tokens, S segments, Q queries and K keys of a segment,
H heads, D features of a head.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch.nn.attention import varlen
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from r1v3.model.families import family_of
from r1v3.model.pictures import Pictures, join, prompt_positions

ATTENTION, FLASH = "packed_segments", "packed_flash"


@dataclass(frozen=True)
class Group:
    """A prompt with its tiles or patches and its responses, all as token ids."""

    prompt_ids: tuple[int, ...]
    responses: tuple[tuple[int, ...], ...]
    tiles: Pictures


@dataclass(frozen=True)
class Bucket:
    """Segments padded to one length: their queries, their keys, and the mask between them."""

    query_SQ: torch.Tensor
    key_SK: torch.Tensor
    mask_SQK: torch.Tensor


@dataclass(frozen=True)
class Borders:
    """The same segments without padding, for kernels that take sequences of any length.

    Attributes:
        query_S1, key_S1: borders of the segments' queries and keys, int32.
        key_K: index of the token of each key; None if every segment's keys are its own tokens.
        longest_query, longest_key: length in tokens.
    """

    query_S1: torch.Tensor
    key_S1: torch.Tensor
    key_K: torch.Tensor | None
    longest_query: int
    longest_key: int


@dataclass(frozen=True)
class Plan:
    """How attention runs over a pack. The segments follow one another and make up its tokens.

    A segment's keys are those of the prompt before it, if it shares one, and its own, which are causal. Masks
    are made when they are first needed, so only those of one pass exist at a time.

    Attributes:
        own_S2: first token and length of each segment, on the CPU.
        prompt_S2: first token and length of the shared prompt that a segment sees; length 0 without one.
        tokens: number of tokens of the pack.
    """

    own_S2: torch.Tensor
    prompt_S2: torch.Tensor
    tokens: int
    device: torch.device

    def to(self, device: torch.device | str) -> "Plan":
        """Return the same plan for tensors on another device."""
        return Plan(self.own_S2, self.prompt_S2, self.tokens, torch.device(device))

    @property
    def bounds(self) -> torch.Tensor | None:
        """Return the segments' S + 1 borders if no prompt is shared, else None."""
        return None if self.prompt_S2[:, 1].any() else self.borders.query_S1

    @cached_property
    def borders(self) -> Borders:
        """Return the segments in the form of kernels with variable lengths."""
        own, prompt = self.own_S2[:, 1], self.prompt_S2[:, 1]
        key_K = None
        if prompt.any():
            ranges = torch.stack([self.prompt_S2, self.own_S2], 1).flatten(0, 1)
            key_K = _tokens_of(ranges).to(self.device)
        return Borders(
            _borders(own).to(self.device),
            _borders(own + prompt).to(self.device),
            key_K,
            int(own.max()),
            int((own + prompt).max()),
        )

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """Return the segments without a shared prompt and those with one, padded, with dense masks."""
        return self._padded[0]

    @property
    def restore_T(self) -> torch.Tensor:
        """Return for each token its index among the buckets' queries."""
        return self._padded[1]

    @cached_property
    def _padded(self) -> tuple[tuple[Bucket, ...], torch.Tensor]:
        buckets: list[Bucket] = []
        restore_T = torch.zeros(self.tokens, dtype=torch.long)
        offset = 0
        shares = self.prompt_S2[:, 1] > 0
        for kind in (~shares, shares):
            if not kind.any():
                continue
            own_S2, prompt_S2 = self.own_S2[kind], self.prompt_S2[kind]
            query_SQ, real_SQ = _padded_ranges(own_S2)
            prompt_SP, real_SP = _padded_ranges(prompt_S2)
            segments, queries = query_SQ.shape
            q = torch.arange(queries)
            causal_SQQ = (q[None, :] <= q[:, None]).expand(segments, -1, -1)
            mask_SQK = torch.cat([real_SP[:, None].expand(-1, queries, -1), causal_SQQ], 2)
            key_SK = torch.cat([prompt_SP, query_SQ], 1)
            buckets.append(Bucket(*(t.to(self.device) for t in (query_SQ, key_SK, mask_SQK))))
            flat_SQ = offset + torch.arange(segments * queries).view(segments, queries)
            restore_T[query_SQ[real_SQ]] = flat_SQ[real_SQ]
            offset += segments * queries
        return tuple(buckets), restore_T.to(self.device)


def _padded_ranges(range_S2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the tokens of ranges, padded to the longest range, and which of them are real.

    Padding repeats tokens before the range, each as rarely as possible, because the backward pass adds the
    gradients of equal tokens one after another.
    """
    first_S1, length_S1 = range_S2[:, :1], range_S2[:, 1:]
    n = torch.arange(int(length_S1.max()))
    real = n < length_S1
    return torch.where(real, first_S1 + n, (n - length_S1) % first_S1.clamp(min=1)), real


def _tokens_of(range_S2: torch.Tensor) -> torch.Tensor:
    """Return the tokens of ranges, one range after another."""
    first_S, length_S = range_S2.unbind(1)
    before_S = length_S.cumsum(0) - length_S
    return torch.arange(int(length_S.sum())) + (first_S - before_S).repeat_interleave(length_S)


def _borders(length_S: torch.Tensor) -> torch.Tensor:
    return torch.cat([length_S.new_zeros(1), length_S.cumsum(0)]).int()


@dataclass(frozen=True)
class Pack:
    """Tokens of all groups, and for each predicted token its id and the position that predicts it.

    Attributes:
        position_ids: of shape (T,), or (3, T) if a picture's tokens have time, row and column.
        tiles: tiles or patches of all pictures.
        blank: whether the picture belongs to no token; see `with_blank_tile`.
    """

    input_ids_T: torch.Tensor
    position_ids: torch.Tensor
    tiles: Pictures
    plan: Plan
    source_N: torch.Tensor
    target_N: torch.Tensor
    response_N: torch.Tensor
    blank: bool = False

    def to(self, device) -> "Pack":
        """Return the same pack on another device."""
        return Pack(
            self.input_ids_T.to(device),
            self.position_ids.to(device),
            self.tiles.to(device),
            self.plan.to(device),
            self.source_N.to(device),
            self.target_N.to(device),
            self.response_N.to(device),
            self.blank,
        )

    def with_blank_tile(self, blank: Pictures) -> "Pack":
        """Return the pack with a picture whose features are not used, if it has no picture.

        Ranks that shard weights or gradients must call the same modules in the same order.
        """
        if len(self.tiles):
            return self
        return replace(self, tiles=blank, blank=True)


def pack_groups(groups: list[Group]) -> Pack:
    """Lay groups out in one row. A response's last token is predicted but is no input.

    `response_N` numbers the responses in order, over all groups.
    """
    ids, source, target, response = [], [], [], []
    positions: list[torch.Tensor] = []
    shared: list[tuple[range, range]] = []  # (own tokens, tokens of the prompt before them)
    number = 0
    for group in groups:
        start, length = len(ids), len(group.prompt_ids)
        ids += group.prompt_ids
        prompt = prompt_positions(group.prompt_ids, group.tiles)
        positions.append(prompt)
        behind = int(prompt.max()) + 1
        alone = len(group.responses) == 1
        if not alone:
            shared.append((range(start, start + length), range(0)))
        for answer in group.responses:
            own = len(ids)
            ids += answer[:-1]
            positions.append(torch.arange(behind, behind + len(answer) - 1))
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
        _one_row(positions),
        join([group.tiles for group in groups]),
        _plan(shared, len(ids)),
        torch.tensor(source),
        torch.tensor(target),
        torch.tensor(response),
    )


def _one_row(positions: list[torch.Tensor]) -> torch.Tensor:
    """Join all positions. If some have three coordinates, those of text are repeated for all three."""
    if any(part.dim() == 2 for part in positions):
        positions = [part.expand(3, -1) for part in positions]
    return torch.cat(positions, -1)


def _plan(segments: list[tuple[range, range]], tokens: int) -> Plan:
    own_S2 = torch.tensor([[own.start, len(own)] for own, _ in segments])
    prompt_S2 = torch.tensor([[prompt.start, len(prompt)] for _, prompt in segments])
    return Plan(own_S2, prompt_S2, tokens, torch.device("cpu"))


def masks_by_layer(model: PreTrainedModel, mask: object) -> object:
    """Return a mask in the form that the language model takes."""
    return family_of(model.config).mask(mask, model.config.get_text_config())


def _packed_attention(
    module, query, key, value, attention_mask: None, scaling=None, dropout=0.0, *, plan: Plan, **_
):
    query_THD, key_THD, value_THD = (t[0].transpose(0, 1) for t in (query, key, value))
    grouped = query_THD.shape[1] != key_THD.shape[1]
    outputs = []
    for bucket in plan.buckets:
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
    return torch.cat(outputs)[plan.restore_T][None], None


class _KeysOfSegments(torch.autograd.Function):
    """Gathers the keys or values of all segments; those of a shared prompt occur once a response.

    The gradients of a prompt, one for each response, are summed in 32 bits.
    """

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, state_THD: torch.Tensor, key_K: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(key_K)
        ctx.shape = state_THD.shape
        return state_THD.index_select(0, key_K)

    @staticmethod
    def backward(ctx: Any, grad_KHD: torch.Tensor):  # type: ignore[override]
        (key_K,) = ctx.saved_tensors
        total_THD = grad_KHD.new_zeros(ctx.shape, dtype=torch.float32)
        total_THD.index_add_(0, key_K, grad_KHD.float())
        return total_THD.to(grad_KHD.dtype), None


def _flash_attention(
    module, query, key, value, attention_mask: None, scaling=None, dropout=0.0, *, plan: Plan, **_
):
    """FlashAttention over segments of any length: one call, no masks, no padding.

    Causality is aligned at the last key, so a response sees all of its prompt.
    """
    borders = plan.borders
    query_THD, key_THD, value_THD = (t[0].transpose(0, 1).contiguous() for t in (query, key, value))
    if borders.key_K is not None:
        key_THD = _KeysOfSegments.apply(key_THD, borders.key_K)
        value_THD = _KeysOfSegments.apply(value_THD, borders.key_K)
    # Split keys would be summed in an order that depends on the longest segment of the pack.
    splits = 1 if torch.are_deterministic_algorithms_enabled() else None
    out_THD = varlen.varlen_attn(
        query_THD,
        key_THD,
        value_THD,
        borders.query_S1,
        borders.key_S1,
        borders.longest_query,
        borders.longest_key,
        scale=scaling,
        window_size=(-1, 0),  # causal
        enable_gqa=query_THD.shape[1] != key_THD.shape[1],
        num_splits=splits,
    )
    assert isinstance(out_THD, torch.Tensor)  # only the output, because nothing else was requested
    return out_THD[None], None


AttentionInterface.register(ATTENTION, _packed_attention)
AttentionInterface.register(FLASH, _flash_attention)


def use_packed_attention(model, attention: str = "sdpa") -> None:
    """Make the language model attend by plans. The vision tower keeps its own attention.

    Args:
        attention: `sdpa`, `flash`, or `auto`, which means `flash` if it is possible.

    Raises:
        ValueError: `flash` needs a CUDA device with compute capability 8 and 16-bit weights.
    """
    can = _has_flash() and model.dtype in (torch.bfloat16, torch.float16)
    if attention == "flash" and not can:
        raise ValueError("parallel.attention flash needs CUDA (8.0 or later) and 16-bit weights")
    chosen = FLASH if can and attention in ("auto", "flash") else ATTENTION
    model.set_attn_implementation({"text_config": chosen, "vision_config": "sdpa"})


@contextmanager
def language_attention(model: PreTrainedModel, attention: str) -> Generator[None]:
    """Make the language model use a registered attention function inside the block."""
    before = model.config.get_text_config()._attn_implementation
    model.set_attn_implementation({"text_config": attention})
    try:
        yield
    finally:
        model.set_attn_implementation({"text_config": before})


def _has_flash() -> bool:
    return torch.cuda.is_available() and torch.cuda.get_device_capability() >= (8, 0)


def embed(
    model, input_ids: torch.Tensor, pictures: Pictures, *, blank: bool = False
) -> dict[str, Any]:
    """Return the language model's inputs: token embeddings with the pictures' features in their places.

    Some families also have features for deeper layers. The features of a blank picture have no effect.
    """
    embeddings = model.get_input_embeddings()(input_ids)
    if not len(pictures):
        return {"inputs_embeds": embeddings}
    features, *deeper = family_of(model.config).features(model, pictures)
    if blank:
        nothing = 0 * features.sum()
        for each in deeper:
            nothing = nothing + 0 * each.sum()
        return {"inputs_embeds": embeddings + nothing}
    shown = input_ids == model.config.image_token_id
    count = features.numel() // features.shape[-1]
    if int(shown.sum()) != count:
        raise ValueError(f"{int(shown.sum())} image tokens for {count} features")
    embeddings = embeddings.masked_scatter(shown.unsqueeze(-1), features.to(embeddings.dtype))
    if not deeper:
        return {"inputs_embeds": embeddings}
    return {
        "inputs_embeds": embeddings,
        "visual_pos_masks": shown,
        "deepstack_visual_embeds": deeper,
    }


def hidden_states(model, pack: Pack) -> torch.Tensor:
    """Return the last hidden states that predict the pack's N target tokens, of shape (N, width)."""
    outputs = model.model.language_model(
        **embed(model, pack.input_ids_T[None], pack.tiles, blank=pack.blank),
        position_ids=pack.position_ids.unsqueeze(-2),  # a batch of one
        attention_mask=masks_by_layer(model, None),
        plan=pack.plan,  # Llama accepts only tensors as masks, but all models pass keywords on
        use_cache=False,
    )
    return outputs.last_hidden_state[0, pack.source_N]
