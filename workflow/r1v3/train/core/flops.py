"""Counts the floating-point operations of a training step, and those that the device can do.

The counts come from the model's definition. A weight costs two operations a token in the forward pass, two
for the gradients of activations if an earlier layer trains, and two for its own gradient if it trains.
Attention costs half a square (causal) in the language model and a whole square in the vision tower. Layers
that are recomputed (checkpointed) count once, so that waste cannot raise the share of the peak.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from r1v3.model.families import family_of
from r1v3.model.groups import grouped_parameters

# Dense 16-bit operations a second, from the makers' data sheets.
PEAKS = {
    "H200": 989e12,
    "H100": 989e12,
    "H800": 989e12,
    "A100": 312e12,
    "A800": 312e12,
    "L40S": 362e12,
}


@dataclass(frozen=True)
class FlopCount:
    """Operations for each token, response token, tile, and squared length (attention).

    At native resolution a patch takes the place of a tile.
    """

    token: float
    token_squared: float
    response_token: float
    tile: float

    @classmethod
    def of(
        cls, model: PreTrainedModel, trained: Sequence[str], adapted: Sequence[str] = ()
    ) -> "FlopCount":
        """Count the operations of a model whose groups `trained` train.

        Args:
            adapted: those of the groups that train by adapters, so that their own weights need no gradient.
        """
        sizes = {g: sum(p.numel() for _, p in own) for g, own in grouped_parameters(model).items()}
        text = model.config.text_config
        head = text.vocab_size * text.hidden_size
        tied = model.lm_head.weight is model.get_input_embeddings().weight
        layers = sizes["llm"] - head * (1 if tied else 2)
        below = bool({"vision_tower", "connector"} & set(trained))
        own = "llm" in trained
        whole = set(trained) - set(adapted)
        passes = 1 + (own or below) + ("llm" in whole)
        seen = 1 + ("vision_tower" in trained) + ("vision_tower" in whole)
        projected = 1 + ("connector" in trained or "vision_tower" in trained)
        projected += "connector" in whole
        return cls(
            token=2 * layers * passes,
            token_squared=2 * text.num_hidden_layers * _attention_width(text) * passes,
            response_token=2 * head * passes,
            tile=family_of(model.config).unit_flops(
                model.config, sizes["vision_tower"], sizes["connector"], seen, projected
            ),
        )

    def batch(self, lengths: list[int], response_tokens: int, tiles: int) -> float:
        """Count the operations of a batch.

        Args:
            lengths: tokens of each sequence.
            response_tokens: number of predicted tokens of all sequences.
            tiles: number of tiles of all pictures.
        """
        return (
            self.token * sum(lengths)
            + self.token_squared * sum(n * n for n in lengths)
            + self.response_token * response_tokens
            + self.tile * tiles
        )


def _attention_width(text: PreTrainedConfig) -> int:
    heads = text.num_attention_heads
    return heads * (getattr(text, "head_dim", None) or text.hidden_size // heads)


def peak_flops(device: torch.device, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the peak operations a second: from a known GPU's data sheet, else measured on a matrix product.

    Args:
        clock: returns seconds; `time.process_time` counts only this process's own work.
    """
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for known, peak in PEAKS.items():
            if known in name:
                return peak
    side = 768
    factor = torch.ones(side, side, device=device)
    best = float("inf")
    for _ in range(4):
        began = clock()
        (factor @ factor)[0, 0].item()
        best = min(best, clock() - began)
    return 2 * side**3 / best
