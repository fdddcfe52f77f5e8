"""Samples one token a row, with a random stream for each request, by inverting the distribution."""

import numpy as np
import torch

from r1v3.generate.types import Request, Sampling


def uniforms(request: Request, sampling: Sampling, tokens: int) -> torch.Tensor:
    """Return one number in [0, 1) for each new token of each sample, of shape (samples, tokens)."""
    if sampling.temperature == 0:
        return torch.zeros(sampling.samples, tokens)
    stream = np.random.Generator(np.random.Philox(key=request.seed % 2**63))
    return torch.from_numpy(stream.random((sampling.samples, tokens))).float()


def draw_tokens(
    logits_BV: torch.Tensor, uniform_B: torch.Tensor, sampling: Sampling
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens, and the log-probabilities of all tokens; the cumulative distribution is inverted."""
    if sampling.temperature == 0:
        return logits_BV.argmax(-1), logits_BV.log_softmax(-1)
    log_probs = (logits_BV / sampling.temperature).log_softmax(-1)
    probs = log_probs.exp()
    if sampling.top_p < 1:
        ordered, order = probs.sort(-1, descending=True)
        beyond = ordered.cumsum(-1) - ordered >= sampling.top_p
        probs = probs.masked_fill(beyond.scatter(1, order, beyond), 0.0)
    cumulative = probs.double().cumsum(-1)
    drawn = uniform_B.to(logits_BV.device).double()[:, None] * cumulative[:, -1:]
    token_B = torch.searchsorted(cumulative, drawn, right=True)[:, 0]
    return token_B.clamp(max=logits_BV.shape[-1] - 1), log_probs
