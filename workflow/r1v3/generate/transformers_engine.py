"""The engine in process: batched decoding with a KV cache, on a CPU or one GPU.

A prompt is prefilled once and its keys and values are copied to its samples; rows that are done leave
the batch. Every request has its own random stream, so its samples do not depend on its neighbours.

Shapes: P prompts, B rows (prompt times sample), L positions, V vocabulary.
"""

from collections.abc import Iterator

import numpy as np
import torch

from r1v3.generate.row_cache import RowCache
from r1v3.generate.thinking import Thinking
from r1v3.generate.types import Request, Response, Sampling
from r1v3.model.encode import Encoded, Encoder
from r1v3.model.packed import embed

KEEP_SHARE = 0.75


class TransformersEngine:
    """Answers requests with a model in this process.

    Args:
        model: an InternVL for conditional generation, in evaluation mode.
        encoder: of the same model.
        rows: most samples that decode at once; changes speed and memory, not the answers' meaning.
        thinking: applied to every sampling of `generate`.
    """

    def __init__(
        self, model, encoder: Encoder, *, rows: int = 512, thinking: Thinking | None = None
    ):
        self.model = model
        self.encoder = encoder
        self.rows = rows
        self.thinking = thinking or Thinking(None, None)
        tokenizer = encoder.tokenizer
        self.stop_id = tokenizer.eos_token_id

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[list[Response]]:
        """Answer in the order given, as many whole requests at a time as fit into `rows`."""
        sampling = self.thinking(sampling)
        size = max(1, self.rows // sampling.samples)
        for first in range(0, len(requests), size):
            part = requests[first : first + size]
            encoded = [
                self.encoder.prompt(request.prompt, list(request.images)) for request in part
            ]
            yield self.sample(part, encoded, sampling)

    def sample(
        self, requests: list[Request], encoded: list[Encoded], sampling: Sampling
    ) -> list[Response]:
        """Answer one batch whose prompts are encoded already."""
        attention = self.model.config.text_config._attn_implementation
        self.model.set_attn_implementation({"text_config": "sdpa"})
        try:
            with torch.inference_mode():
                tokens, logprobs = self._decode(requests, encoded, sampling)
        finally:
            self.model.set_attn_implementation({"text_config": attention})
        decode = self.encoder.tokenizer.decode
        responses = []
        for row, (ids, values) in enumerate(zip(tokens, logprobs)):
            stopped = ids[-1] == self.stop_id
            request = requests[row // sampling.samples]
            responses.append(
                Response(
                    key=request.key,
                    sample=row % sampling.samples,
                    text=decode(ids[:-1] if stopped else ids),
                    token_ids=tuple(ids),
                    logprobs=tuple(values),
                    finish_reason="stop" if stopped else "length",
                    prompt_tokens=len(encoded[row // sampling.samples].prompt_ids),
                )
            )
        return responses

    def _decode(self, requests, encoded: list[Encoded], sampling: Sampling):
        device = self.model.device
        rows = len(encoded) * sampling.samples
        draws = _uniforms(requests, sampling)
        logits_BV, cache, lengths = self._prefill(encoded, sampling)
        longest = int(lengths.max())
        lengths = lengths.repeat_interleave(sampling.samples)
        padding = longest - lengths
        never = torch.tensor([*self.encoder.never, *sampling.banned], device=device)
        alive = torch.arange(rows, device=device)
        out_ids = torch.full((rows, sampling.max_new_tokens), -1)
        out_logp = torch.zeros(rows, sampling.max_new_tokens)
        visible = torch.arange(cache.room, device=device)[None] >= padding[:, None]
        open_rows = torch.ones(rows, dtype=torch.bool, device=device)
        for step in range(sampling.max_new_tokens):
            logits_BV[:, never] = -torch.inf
            token_B, logp_B = _draw(logits_BV, draws[step][alive.cpu()], sampling)
            out_ids[alive[open_rows].cpu(), step] = token_B[open_rows].cpu()
            out_logp[alive[open_rows].cpu(), step] = logp_B[open_rows].cpu()
            open_rows &= token_B != self.stop_id
            left = int(open_rows.sum())
            if not left or step + 1 == sampling.max_new_tokens:
                break
            if left <= KEEP_SHARE * len(alive):
                kept = open_rows.nonzero()[:, 0]
                cache.select(kept)
                alive, lengths, visible = alive[kept], lengths[kept], visible[kept]
                token_B, open_rows = token_B[kept], open_rows[kept]
            logits_BV = self._forward(
                self.model.get_input_embeddings()(token_B[:, None]),
                (lengths + step)[:, None],
                visible[:, None, None, : cache.length + 1],
                cache,
            )
        ends = (out_ids >= 0).sum(1).tolist()
        ids, logp = out_ids.tolist(), out_logp.tolist()
        return [row[:n] for row, n in zip(ids, ends)], [row[:n] for row, n in zip(logp, ends)]

    def _prefill(self, encoded: list[Encoded], sampling: Sampling):
        """Last logits and a cache of all rows, and the prompts' lengths."""
        device = self.model.device
        lengths = torch.tensor([len(e.prompt_ids) for e in encoded], device=device)
        longest = int(lengths.max())
        pad = self.encoder.tokenizer.pad_token_id
        ids_PL = torch.tensor(
            [[pad] * (longest - len(e.prompt_ids)) + list(e.prompt_ids) for e in encoded],
            device=device,
        )
        pictures = [e.tiles for e in encoded if len(e.tiles)]
        tiles = torch.cat(pictures).to(device) if pictures else torch.zeros(0)
        position = torch.arange(longest, device=device)
        real = position >= (longest - lengths)[:, None]
        mask = (position[:, None] >= position)[None] & real[:, None]
        mask |= torch.eye(longest, dtype=torch.bool, device=device)
        cache = RowCache(
            self.model.config.text_config.num_hidden_layers, longest + sampling.max_new_tokens
        )
        logits_PV = self._forward(
            embed(self.model, ids_PL, tiles),
            (position - (longest - lengths)[:, None]).clamp(min=0),
            mask[:, None],
            cache,
        )
        if sampling.samples > 1:
            copies = torch.arange(len(encoded), device=device).repeat_interleave(sampling.samples)
            cache.select(copies)
            logits_PV = logits_PV[copies]
        return logits_PV, cache, lengths

    def _forward(self, embeddings, positions, mask, cache):
        hidden = self.model.model.language_model(
            inputs_embeds=embeddings,
            position_ids=positions,
            attention_mask={"full_attention": mask},
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
        return self.model.lm_head(hidden).float()


def _uniforms(requests: list[Request], sampling: Sampling) -> torch.Tensor:
    """One number in [0, 1) for each new token of each row, of shape (tokens, rows)."""
    if sampling.temperature == 0:
        return torch.zeros(sampling.max_new_tokens, len(requests) * sampling.samples)
    shape = (sampling.samples, sampling.max_new_tokens)
    streams = [
        np.random.Generator(np.random.Philox(key=r.seed % 2**63)).random(shape) for r in requests
    ]
    return torch.from_numpy(np.concatenate(streams)).T.contiguous().float()


def _draw(logits_BV, uniform_B, sampling: Sampling):
    """Tokens and their log-probabilities, by inverting the cumulative distribution."""
    if sampling.temperature == 0:
        log_probs = logits_BV.log_softmax(-1)
        token_B = logits_BV.argmax(-1)
        return token_B, log_probs.gather(1, token_B[:, None])[:, 0]
    log_probs = (logits_BV / sampling.temperature).log_softmax(-1)
    probs = log_probs.exp()
    if sampling.top_p < 1:
        ordered, order = probs.sort(-1, descending=True)
        beyond = ordered.cumsum(-1) - ordered >= sampling.top_p
        probs = probs.masked_fill(beyond.scatter(1, order, beyond), 0.0)
    cumulative = probs.double().cumsum(-1)
    drawn = uniform_B.to(logits_BV.device).double()[:, None] * cumulative[:, -1:]
    token_B = torch.searchsorted(cumulative, drawn, right=True)[:, 0]
    token_B = token_B.clamp(max=logits_BV.shape[-1] - 1)
    return token_B, log_probs.gather(1, token_B[:, None])[:, 0]
