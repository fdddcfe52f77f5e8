"""The requests and responses of all engines, and the engines' interfaces."""

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
    """A rendered prompt with one `<image>` marker for each picture. `seed` determines its samples.

    If `root` is given, paths of pictures may not lead out of that folder.
    """

    key: str
    prompt: str
    images: tuple[Path | Image.Image, ...]
    seed: int
    root: Path | None = None


@dataclass(frozen=True)
class Sampling:
    """How responses are sampled. A temperature of 0 is greedy.

    `banned` are ids of tokens that are never emitted. `bias` has pairs of a token id and a number that is
    added to its logit. A response ends before a string of `stop`. With `thought_tokens`, a thought that is
    still open after so many tokens is closed by `close`, and `max_new_tokens` counts only later tokens
    (section 6.3).
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
    """One sample: text without the end-of-turn token, ids with it, and log-probabilities of the ids in nats.

    Log-probabilities are those at the sampling temperature before top-p. vLLM's are those after top-p, so
    request them with top-p 1. With greedy decoding they are those at temperature 1. They are 0 for tokens
    that close a thought, which are not sampled. A server may return neither ids nor log-probabilities;
    `counted` is then its count of tokens. The finish reason is `stop`, `length`, a server's
    `content_filter` or `tool_calls`, or `error`. The last means that no engine can answer the request;
    `error` says why.
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
        """Return the number of new tokens, including the end of turn."""
        return len(self.token_ids) if self.counted is None else self.counted


def failed(request: Request, sampling: Sampling, error: str) -> list[Response]:
    """Return the responses for a request that cannot be answered."""
    return [
        Response(request.key, sample, "", (), (), "error", 0, error=error)
        for sample in range(sampling.samples)
    ]


class Engine(Protocol):
    """Anything that answers requests."""

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[list[Response]]:
        """Answer all requests, `sampling.samples` times each. Yield all samples of a request together."""
        ...


class PolicyEngine(Engine, Protocol):
    """An engine that samples from a policy while that policy is trained."""

    @property
    def depends_on_batch(self) -> bool:
        """Return whether the last bits of an answer depend on the other requests of its batch."""
        ...

    def generate_batch(
        self, requests: list[Request], encoded: Sequence[EncodedPrompt], sampling: Sampling
    ) -> Iterator[list[Response]]:
        """Answer one batch like `generate`; the encoded prompts are given as well."""
        ...

    def offload(self) -> None:
        """Free the accelerator, or the model, for the trainer until `sync_weights`."""
        ...

    def sync_weights(self, weights: Weights) -> str:
        """Replace the weights and be ready to answer.

        Returns:
            sha256 of the connector as the engine now holds it (`r1v3.model.groups.group_hashes`).

        Raises:
            RuntimeError: the weights did not arrive.
        """
        ...
