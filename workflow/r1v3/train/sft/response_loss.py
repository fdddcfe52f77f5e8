"""Cross-entropy of response tokens, with its gradient, for a chunk of tokens at a time.

The whole logits, of shape tokens x vocabulary, never exist at once. They are computed only once: the divisor
of the loss is known beforehand, so each chunk computes its gradient together with its loss. (GRPO needs
`token_stats`, which computes the logits twice.)

Shapes: N tokens, V vocabulary, W width.
"""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from r1v3.model.packed import Pack, hidden_states
from r1v3.train.core.token_stats import LOGITS_AT_ONCE, chunk_for


class _ResponseLoss(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        hidden_NW: torch.Tensor,
        weight_VW: torch.Tensor,
        target_N: torch.Tensor,
        tokens: int,
    ) -> torch.Tensor:
        logp_N = hidden_NW.new_empty(len(hidden_NW), dtype=torch.float32)
        wants_hidden, wants_weight = ctx.needs_input_grad[:2]
        grad_hidden = torch.empty_like(hidden_NW) if wants_hidden else None
        grad_weight = torch.zeros_like(weight_VW, dtype=torch.float32) if wants_weight else None
        upstream = -(torch.ones((), device=hidden_NW.device) / tokens)
        chunk = chunk_for(weight_VW, LOGITS_AT_ONCE)
        for first in range(0, len(hidden_NW), chunk):
            rows = slice(first, first + chunk)
            logits = (hidden_NW[rows] @ weight_VW.T).float()
            picked = target_N[rows, None]
            logp_N[rows] = logits.log_softmax(-1).gather(1, picked)[:, 0]
            if not (wants_hidden or wants_weight):
                continue
            slope = logits.softmax(-1).neg_()
            slope.scatter_add_(1, picked, torch.ones_like(slope[:, :1]))
            slope = slope.mul_(upstream).to(hidden_NW.dtype)
            if grad_hidden is not None:
                grad_hidden[rows] = slope @ weight_VW
            if grad_weight is not None:
                grad_weight += slope.T @ hidden_NW[rows]
        ctx.save_for_backward(grad_hidden, grad_weight)
        ctx.dtype = weight_VW.dtype
        return -logp_N.sum() / tokens

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor):  # type: ignore[override]
        grad_hidden, grad_weight = ctx.saved_tensors
        if grad_hidden is not None:
            grad_hidden = grad_hidden * upstream
        if grad_weight is not None:
            grad_weight = (grad_weight * upstream).to(ctx.dtype)
        return grad_hidden, grad_weight, None, None


class ResponseLoss(nn.Module):
    """The LM head and the loss as one module, so that ZeRO-3 gathers the head's weight for both."""

    def __init__(self, weight_VW: nn.Parameter):
        super().__init__()
        self.weight = weight_VW

    def forward(self, hidden_NW: torch.Tensor, target_N: torch.Tensor, tokens: int) -> torch.Tensor:
        """Sum -log p over the targets and divide by `tokens`, the number in the whole batch; in nats.

        Args:
            hidden_NW: last hidden states, one for each target.
            target_N: token ids.
        """
        return _ResponseLoss.apply(hidden_NW, self.weight, target_N, tokens)


class PackedLoss(nn.Module):
    """A model and its loss over a pack, as one module."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model = model
        self.head = ResponseLoss(model.lm_head.weight)

    def forward(self, pack: Pack, tokens: int) -> torch.Tensor:
        """Compute the pack's share of the mean loss over `tokens` response tokens, in nats."""
        return self.head(hidden_states(self.model, pack), pack.target_N, tokens)
