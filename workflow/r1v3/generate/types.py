"""What every engine takes and gives."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image


@dataclass(frozen=True)
class Request:
    """A rendered prompt with one `<image>` marker per picture; `seed` fixes its samples."""

    key: str
    prompt: str
    images: tuple[Path | Image.Image, ...]
    seed: int


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn; a temperature of 0 is greedy. `banned` are token ids never emitted."""

    temperature: float
    top_p: float
    max_new_tokens: int
    samples: int = 1
    banned: tuple[int, ...] = ()


@dataclass(frozen=True)
class Response:
    """One sample: text without the end-of-turn token, ids with it, log-probabilities of the ids in nats.

    Log-probabilities are those of the distribution that was drawn from at the temperature, before
    top-p; with greedy decoding those at temperature 1. `entropies` (nats, temperature 1) stand beside
    them where the engine can tell them.
    """

    key: str
    sample: int
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: str
    prompt_tokens: int


class Engine(Protocol):
    """Anything that answers requests."""

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[list[Response]]:
        """Answer all requests, `sampling.samples` times each, a batch of whole requests at a time."""
        ...
