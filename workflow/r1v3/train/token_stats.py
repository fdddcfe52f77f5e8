"""Log-probability and entropy of tokens from hidden states, a chunk of tokens at a time.

Logits of shape tokens x vocabulary never exist as a whole: the backward pass computes each chunk's
again. Entropies carry no gradient.

Shapes: N tokens, V vocabulary, W width.
"""

import torch

LOGITS_AT_ONCE = 2**25  # 128 MiB in float32


class _TokenStats(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden_NW, weight_VW, target_N, temperature: float, chunk: int, never):
        logp_N = hidden_NW.new_empty(len(hidden_NW), dtype=torch.float32)
        entropy_N = torch.empty_like(logp_N)
        for part in torch.arange(len(hidden_NW)).split(chunk):
            rows = slice(int(part[0]), int(part[-1]) + 1)
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
    def backward(ctx, grad_logp_N, _):
        hidden_NW, weight_VW, target_N = ctx.saved_tensors
        grad_hidden = torch.empty_like(hidden_NW)
        grad_weight = torch.zeros_like(weight_VW) if ctx.needs_input_grad[1] else None
        for part in torch.arange(len(hidden_NW)).split(ctx.chunk):
            rows = slice(int(part[0]), int(part[-1]) + 1)
            logits = _logits(hidden_NW[rows], weight_VW, ctx.never) / ctx.temperature
            slope = logits.softmax(-1).neg_()
            slope.scatter_add_(1, target_N[rows, None], torch.ones_like(slope[:, :1]))
            slope *= (grad_logp_N[rows] / ctx.temperature)[:, None]
            slope = slope.to(hidden_NW.dtype)
            grad_hidden[rows] = slope @ weight_VW
            if grad_weight is not None:
                grad_weight += slope.T @ hidden_NW[rows]
        return grad_hidden, grad_weight, None, None, None, None


def _logits(hidden_NW, weight_VW, never):
    logits = (hidden_NW @ weight_VW.T).float()
    if never:
        logits[:, list(never)] = -torch.inf
    return logits


def token_stats(
    hidden_NW,
    weight_VW,
    target_N,
    *,
    temperature: float = 1.0,
    never: tuple[int, ...] = (),
    chunk: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability of each target at the temperature, and the entropy at temperature 1, in nats.

    Args:
        hidden_NW: last hidden states.
        weight_VW: the LM head.
        target_N: token ids.
        temperature: of the distribution that the tokens were drawn from.
        never: token ids that the engine cannot emit, so that both speak of one distribution.
        chunk: tokens whose logits exist at a time; None for as many as some 128 MiB hold.

    Returns:
        logp_N (differentiable) and entropy_N (not), float32.
    """
    if chunk is None:
        chunk = min(4096, max(64, LOGITS_AT_ONCE // len(weight_VW)))
    return _TokenStats.apply(hidden_NW, weight_VW, target_N, temperature, chunk, never)
