"""Log-probability and entropy of tokens from hidden states, computed for a chunk of tokens at a time.

The whole logits, of shape tokens x vocabulary, never exist at once. The backward pass computes the logits of
each chunk again. Entropies have no gradient.

Shapes: N tokens, V vocabulary, W width.
"""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from r1v3.model.packed import Pack, hidden_states

LOGITS_AT_ONCE = 2**25  # 128 MiB in float32
# Small chunks leave a GPU idle. A 64th of its memory holds the logits of 2,048 tokens or more, which do not.
CARD_SHARE, LEAST_ON_CARD, MOST = 64, 2048, 4096


class _TokenStats(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        hidden_NW: torch.Tensor,
        weight_VW: torch.Tensor,
        target_N: torch.Tensor,
        temperature: float,
        chunk: int,
        never: tuple[int, ...],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logp_N = hidden_NW.new_empty(len(hidden_NW), dtype=torch.float32)
        entropy_N = torch.empty_like(logp_N)
        for first in range(0, len(hidden_NW), chunk):
            rows = slice(first, first + chunk)
            logits = _logits(hidden_NW[rows], weight_VW, never)
            log_probs = logits.log_softmax(-1)
            entropy_N[rows] = torch.special.entr(log_probs.exp()).sum(-1)
            if temperature != 1.0:
                log_probs = (logits / temperature).log_softmax(-1)
            logp_N[rows] = log_probs.gather(1, target_N[rows, None])[:, 0]
        ctx.save_for_backward(hidden_NW, weight_VW, target_N)
        ctx.temperature, ctx.chunk, ctx.never = temperature, chunk, never
        ctx.mark_non_differentiable(entropy_N)
        return logp_N, entropy_N

    @staticmethod
    def backward(ctx: Any, grad_logp_N: torch.Tensor, _: object):  # type: ignore[override]
        hidden_NW, weight_VW, target_N = ctx.saved_tensors
        grad_hidden = torch.empty_like(hidden_NW)
        grad_weight = None
        if ctx.needs_input_grad[1]:  # chunks are summed in 32 bits, as in `response_loss`
            grad_weight = torch.zeros_like(weight_VW, dtype=torch.float32)
        for first in range(0, len(hidden_NW), ctx.chunk):
            rows = slice(first, first + ctx.chunk)
            logits = _logits(hidden_NW[rows], weight_VW, ctx.never) / ctx.temperature
            slope = logits.softmax(-1).neg_()
            slope.scatter_add_(1, target_N[rows, None], torch.ones_like(slope[:, :1]))
            slope *= (grad_logp_N[rows] / ctx.temperature)[:, None]
            slope = slope.to(hidden_NW.dtype)
            grad_hidden[rows] = slope @ weight_VW
            if grad_weight is not None:
                grad_weight += slope.T @ hidden_NW[rows]
        if grad_weight is not None:
            grad_weight = grad_weight.to(weight_VW.dtype)
        return grad_hidden, grad_weight, None, None, None, None


def _logits(
    hidden_NW: torch.Tensor, weight_VW: torch.Tensor, never: tuple[int, ...]
) -> torch.Tensor:
    """Compute logits of shape (N, V) in float32."""
    logits = (hidden_NW @ weight_VW.T).float()
    if never:
        logits[:, list(never)] = -torch.inf
    return logits


def token_stats(
    hidden_NW: torch.Tensor,
    weight_VW: torch.Tensor,
    target_N: torch.Tensor,
    *,
    temperature: float = 1.0,
    never: tuple[int, ...] = (),
    chunk: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute each target's log-probability at `temperature` and the entropy at temperature 1, in nats.

    Args:
        hidden_NW: last hidden states.
        weight_VW: weight of the LM head.
        target_N: token ids.
        temperature: temperature at which the tokens were sampled.
        never: token ids that the engine cannot emit. They are excluded here too, so that both distributions
            are the same.
        chunk: number of tokens whose logits exist at a time; None for `chunk_for`.

    Returns:
        logp_N (differentiable) and entropy_N (not differentiable), float32.
    """
    if chunk is None:
        chunk = chunk_for(weight_VW, LOGITS_AT_ONCE)
    return _TokenStats.apply(hidden_NW, weight_VW, target_N, temperature, chunk, never)


def chunk_for(weight_VW: torch.Tensor, at_once: int) -> int:
    """Return how many tokens' logits exist at a time, from the total memory of the device.

    Free memory does not count, so equal runs are divided equally.

    Args:
        at_once: number of logits that may exist on a CPU.
    """
    if not weight_VW.is_cuda:
        return chunk_of(len(weight_VW), at_once)
    card = torch.cuda.get_device_properties(weight_VW.device).total_memory
    return chunk_on_card(len(weight_VW), card)


def chunk_of(words: int, at_once: int) -> int:
    """Return how many tokens have `at_once` logits in total; `words` is the size of the vocabulary."""
    return min(MOST, max(64, at_once // words))


def chunk_on_card(words: int, card: float) -> int:
    """Return the same number for a GPU with `card` bytes of memory; a logit has 4 bytes."""
    return min(MOST, max(LEAST_ON_CARD, int(card / CARD_SHARE / 4) // words))


class _Head(nn.Module):
    """The LM head as a module of its own, so that ZeRO-3 gathers its weight around it."""

    def __init__(self, weight_VW: nn.Parameter):
        super().__init__()
        self.weight = weight_VW

    def forward(
        self,
        hidden_NW: torch.Tensor,
        target_N: torch.Tensor,
        temperature: float,
        never: tuple[int, ...],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return token_stats(hidden_NW, self.weight, target_N, temperature=temperature, never=never)


class PackedStats(nn.Module):
    """A model that computes log-probability and entropy of each response token of a pack, as one module.

    Args:
        never: token ids that the engine cannot emit.
    """

    def __init__(self, model: PreTrainedModel, *, temperature: float, never: tuple[int, ...]):
        super().__init__()
        self.model, self.temperature, self.never = model, temperature, never
        self.head = _Head(model.lm_head.weight)

    def forward(self, pack: Pack) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logp_N at the temperature (differentiable) and entropy_N at temperature 1, in nats."""
        hidden_NW = hidden_states(self.model, pack)
        return self.head(hidden_NW, pack.target_N, self.temperature, self.never)
