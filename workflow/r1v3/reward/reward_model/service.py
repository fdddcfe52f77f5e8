"""Serves a reward model over HTTP, on loopback and with a key: the server of `r1v3 serve-reward`.

The interface is chat completions, as for every other model that r1v3 asks. The response is the last turn, the
assistant's, and the reply is its score as a number. Requests that arrive together share a forward pass.
"""

import contextlib
import hashlib
import hmac
import json
import math
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from r1v3.reward.reward_model.batches import Batcher
from r1v3.reward.reward_model.conversation import Unreadable, read_conversation
from r1v3.reward.reward_model.model import EncodedConversation, ScoringModel
from r1v3.reward.verifier.cache import AnswerCache

LARGEST_REQUEST = 256 * 2**20  # bytes
SOCKET_SECONDS = 120  # a client that sends nothing for so long is disconnected


@dataclass(frozen=True)
class ServiceLimits:
    """Limits of the server.

    Attributes:
        batch: most conversations in a forward pass.
        batch_tokens: most tokens in a forward pass, padding included.
        seconds: time limit of a request; without a score by then the reply is an error.
        max_pixels: most pixels of a picture.
    """

    batch: int
    batch_tokens: int
    seconds: float
    max_pixels: int


class ServiceError(Exception):
    """An error reply to a request: its status and text."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


class RewardService:
    """Scores requests, many at a time. Safe to use from threads.

    Args:
        model: the model that scores.
        name: name of the model for clients; requests for another model are refused.
        cache: folder of scores that are not computed again; None for no cache.
    """

    def __init__(self, model: ScoringModel, name: str, limits: ServiceLimits, cache: Path | None):
        self.model, self.name, self.limits = model, name, limits
        self.cache = AnswerCache(cache, "score", float) if cache else None
        self.fingerprint = model.fingerprint() if cache else ""
        self.batches = Batcher[EncodedConversation](
            model.score,
            size=lambda each: len(each.ids),
            most=limits.batch,
            room=limits.batch_tokens,
        )

    def answer(self, body: object) -> dict[str, Any]:
        """Return the completion of a request.

        Raises:
            ServiceError: the request is malformed, names another model, or has no score in time.
        """
        if not isinstance(body, dict):
            raise ServiceError(400, "an object is expected")
        if body.get("model") != self.name:
            raise ServiceError(404, f"the model served here is {self.name}")
        if body.get("stream") or body.get("n") not in (None, 1):
            raise ServiceError(400, "one score is given, at once: n 1, without stream")
        messages = body.get("messages")
        key = self._key(messages)
        score = None if self.cache is None else self.cache.get(key)
        tokens = 0
        if score is None:
            score, tokens = self._score(messages)
            if self.cache is not None:
                self.cache.put(key, score, self.name)
        message = {"role": "assistant", "content": repr(score)}
        return {
            "object": "chat.completion",
            "model": self.name,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": tokens,
                "completion_tokens": 0,
                "total_tokens": tokens,
            },
        }

    def _key(self, messages: object) -> str:
        text = json.dumps([self.fingerprint, messages], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _score(self, messages: object) -> tuple[float, int]:
        """Return a score, and the number of tokens that the model read for it."""
        try:
            shown = self.model.encode(read_conversation(messages, self.limits.max_pixels))
        except Unreadable as error:
            raise ServiceError(400, str(error)) from None
        waiting: Future[float] = self.batches.submit(shown)
        try:
            score = waiting.result(self.limits.seconds)
        except LateError:
            waiting.cancel()
            raise ServiceError(
                503, f"no score within {self.limits.seconds:g} seconds; ask again later"
            ) from None
        except Exception as error:
            raise ServiceError(500, f"{type(error).__name__}: {error}") from None
        if not math.isfinite(score):
            raise ServiceError(422, f"the score is {score}")
        return score, len(shown.ids)


class RewardServer(ThreadingHTTPServer):
    """The HTTP server of the service on this machine.

    Args:
        key: the bearer token that requests need; None for no key.
        port: port of the server; 0 for any free port.
    """

    daemon_threads = True

    def __init__(self, service: RewardService, *, host: str, port: int, key: str | None):
        super().__init__((host, port), _Handler)
        self.service, self.key = service, key

    @property
    def url(self) -> str:
        """Return the address for a client's environment variable."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/v1"


class _Handler(BaseHTTPRequestHandler):
    timeout = SOCKET_SECONDS

    @property
    def _here(self) -> RewardServer:
        assert isinstance(self.server, RewardServer)
        return self.server

    def do_GET(self) -> None:
        """List the one model, so that a client can check that the server is there."""
        try:
            self._check_key()
            if self.path != "/v1/models":
                raise ServiceError(404, f"there is no {self.path}")
            name = self._here.service.name
            self._reply(200, {"object": "list", "data": [{"id": name, "object": "model"}]})
        except ServiceError as error:
            self._reply(error.status, _error(str(error)))

    def do_POST(self) -> None:
        """Score a conversation."""
        try:
            content = self._content()  # before the checks, else a client may miss the reply
            self._check_key()
            if self.path != "/v1/chat/completions":
                raise ServiceError(404, f"there is no {self.path}")
            self._reply(200, self._here.service.answer(_parsed(content)))
        except ServiceError as error:
            self._reply(error.status, _error(str(error)))

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing, because a line for each request would hide the important lines."""

    def _check_key(self) -> None:
        said, key = self.headers.get("Authorization", ""), self._here.key
        if key and not hmac.compare_digest(said.encode(), f"Bearer {key}".encode()):
            raise ServiceError(401, "the key is missing or wrong")

    def _content(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            raise ServiceError(411, "a Content-Length is expected")
        if int(length) > LARGEST_REQUEST:
            raise ServiceError(413, f"{length} bytes; {LARGEST_REQUEST} are allowed")
        return self.rfile.read(int(length))

    def _reply(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        with contextlib.suppress(ConnectionError):  # the client has disconnected
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise ServiceError(400, "JSON is expected") from None


def _error(text: str) -> dict[str, Any]:
    return {"error": {"message": text}}
