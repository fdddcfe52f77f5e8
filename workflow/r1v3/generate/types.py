"""What every engine takes and gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from r1v3.generate.weights import Weights

if TYPE_CHECKING:  # an engine behind a server needs no torch
    from r1v3.model.encode import EncodedPrompt


@dataclass(frozen=True)
class Request:
    """A rendered prompt with one `<image>` marker per picture; `seed` fixes its samples.

    Where `root` is given, paths of pictures may not lead out of that folder.
    """

    key: str
    prompt: str
    images: tuple[Path | Image.Image, ...]
    seed: int
    root: Path | None = None


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn; a temperature of 0 is greedy.

    `banned` are token ids never emitted, `bias` pairs of a token id and what is added to its logit.
    A response ends before a string of `stop`. With `thought_tokens`, a thought still open after so many
    tokens is closed by `close`, and `max_new_tokens` counts what comes after the budget (section 6.3).
    """

    temperature: float
    top_p: float
    max_new_tokens: int
    samples: int = 1
    banned: tuple[int, ...] = ()
    stop: tuple[str, ...] = ()
    bias: tuple[tuple[int, float], ...] = ()
    thought_tokens: int | None = None
    close: str = "</think>"


@dataclass(frozen=True)
class Response:
    """One sample: text without the end-of-turn token, ids with it, log-probabilities of the ids in nats.

    Log-probabilities are those of the distribution that was drawn from at the temperature, before
    top-p (vLLM: after it, so ask it for log-probabilities with top-p 1); with greedy decoding those at
    temperature 1; 0 for tokens that close a thought, which are not drawn. A server may tell neither ids nor
    log-probabilities; `counted` is then its count of tokens. The finish reason is `stop`, `length`, a
    server's `content_filter` or `tool_calls`, or `error` for a request that no engine can answer, with
    what was wrong in `error`.
    """

    key: str
    sample: int
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: str
    prompt_tokens: int
    counted: int | None = None
    error: str | None = None

    @property
    def tokens(self) -> int:
        """New tokens, the end of turn included."""
        return len(self.token_ids) if self.counted is None else self.counted


def failed(request: Request, sampling: Sampling, error: str) -> list[Response]:
    """The responses of a request that cannot be answered."""
    return [
        Response(request.key, sample, "", (), (), "error", 0, error=error)
        for sample in range(sampling.samples)
    ]


class Engine(Protocol):
    """Anything that answers requests."""

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[list[Response]]:
        """Answer all requests, `sampling.samples` times each: whole requests, as they are finished."""
        ...


class PolicyEngine(Engine, Protocol):
    """An engine that samples from a policy while that policy is trained."""

    @property
    def depends_on_batch(self) -> bool:
        """Whether the last bits of an answer depend on what is asked beside it."""
        ...

    def generate_batch(
        self, requests: list[Request], encoded: Sequence[EncodedPrompt], sampling: Sampling
    ) -> Iterator[list[Response]]:
        """Answer one batch, as `generate` does, of which the prompts are also there encoded."""
        ...

    def offload(self) -> None:
        """Leave the accelerator, or the model, to the trainer until `sync_weights`."""
        ...

    def sync_weights(self, weights: Weights) -> str:
        """Replace the weights and be ready to answer.

        Returns:
            sha256 of the connector as the engine now holds it (`r1v3.model.groups.group_hashes`).

        Raises:
            RuntimeError: the weights did not arrive.
        """
        ...
