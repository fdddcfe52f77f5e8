"""An endpoint for completions, with a rate limit and retries, that never shows its key."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import httpx
import tenacity

from r1v3.base.user_errors import escape_unprintable

RETRIED = {408, 409, 425, 429, 500, 502, 503, 504, 529}
TURNED_AWAY = {409, 425, 429, 503, 529}  # refused before any work was done
FATAL = {401, 403, 404}
LONGEST_WAIT = 60.0  # most seconds between two attempts
TRICKLES = 10  # most timeouts that a reply may take from its first byte to its last
LARGEST_REPLY = 256 * 2**20  # bytes

Body = dict[str, Any]  # JSON of a request or a reply
Got = TypeVar("Got")


class ServerError(RuntimeError):
    """The server cannot be reached or is misconfigured (address, model, key). A later start may succeed."""


class RefusedRequest(Exception):
    """The server does not answer this request; `may_pass` says that another attempt may succeed."""

    def __init__(self, why: str, *, may_pass: bool = False):
        super().__init__(why)
        self.may_pass = may_pass


class _Retry(Exception):
    """An attempt failed and another may succeed, after `wait` seconds if the server asked for them.

    `free` says that the server certainly did no work for it, so that it costs nothing.
    """

    def __init__(self, why: str, wait: float = 0.0, *, free: bool = False):
        super().__init__(why)
        self.wait, self.free = wait, free


class Charge(Protocol):
    """The possible cost of one attempt, which is reserved before it is sent."""

    def hold(self) -> str:
        """Reserve it, and return the name of the reservation."""
        ...

    def end(self, held: str, *, free: bool) -> None:
        """End an attempt that got no reply. If it was certainly free, release its reservation."""
        ...


class _Unpaid:
    """The charge of a server that costs nothing."""

    def hold(self) -> str:
        return ""

    def end(self, held: str, *, free: bool) -> None:
        return None


@dataclass(frozen=True)
class Reply:
    """The body of a completion, the number of attempts, and the name of its charge."""

    body: Body
    attempts: int
    held: str = ""


def bearer(key: str | None) -> dict[str, str]:
    """Return the header with a key, as OpenAI-compatible servers expect it."""
    return {"Authorization": f"Bearer {key}"} if key else {}


@dataclass(frozen=True)
class Wire:
    """The protocol of an interface: the path of completions, the header of the key, the check of a reply."""

    path: str = "/chat/completions"
    answer: str = "choices"
    headers: Callable[[str | None], dict[str, str]] = field(default=bearer)


CHAT = Wire()


class Endpoint:
    """Posts requests; may be used from many threads.

    Args:
        url: base of the endpoint, such as `http://node:8000/v1`.
        attempts: most attempts for a request, including the first.
        timeout: seconds that connecting, sending, or the next part of a reply may take.
        per_minute: most attempts a minute; None for no limit.
        first_wait: most seconds before the second attempt; it doubles each time, with full jitter.
        key_variable: environment variable that holds the key; if it is unset, there is no key.
        wire: the interface of the server.

    Raises:
        ValueError: a number is out of range, or the address is malformed or contains a password.
    """

    def __init__(
        self,
        url: str,
        *,
        attempts: int,
        timeout: float,
        per_minute: float | None,
        first_wait: float,
        key_variable: str,
        wire: Wire = CHAT,
    ):
        if attempts < 1 or timeout <= 0 or (per_minute is not None and per_minute <= 0):
            raise ValueError("server: attempts, timeout and rate must be above 0")
        host = _checked_host(url)
        self.base, self.wire = url.rstrip("/"), wire
        self.url = self.base + wire.path
        self.attempts, self.timeout, self.first_wait = attempts, timeout, first_wait
        self.key_variable = key_variable
        self._turn = _turns(per_minute)
        self._client = httpx.Client(
            timeout=timeout,
            follow_redirects=False,  # a redirect would send the key to another host
            trust_env=not (
                host == "localhost" or host.startswith("127.")
            ),  # no proxy for this machine
            # A server may close an idle connection just when it is reused, so idle ones are not kept.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    def ask(
        self,
        body: Body,
        accept: Callable[[Body], object] | None = None,
        charge: Charge | None = None,
    ) -> Reply:
        """Post until there is a reply.

        Args:
            accept: checks a completion; if it raises a ValueError, another attempt is made.
            charge: reserves the possible cost of an attempt; its errors are passed on.

        Raises:
            RefusedRequest: the server refuses this request, or fails in all attempts.
            ServerError: address, model or key are wrong.
        """
        data = json.dumps(body).encode("utf-8", "replace")
        paid = charge or _Unpaid()

        def attempt(number: int) -> Reply:
            self._turn()
            held = paid.hold()
            try:
                reply = self._completion(data)
                if accept:
                    _check(reply, accept)
            except _Retry as failure:
                paid.end(held, free=failure.free)
                raise
            except (RefusedRequest, ServerError):
                paid.end(held, free=True)
                raise
            return Reply(reply, number, held)

        return self._retried(attempt)

    def call(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        content_type: str = "application/json",
        attempts: int | None = None,
    ) -> bytes:
        """Request something other than completions, such as a batch. Errors are those of `ask`.

        Args:
            path: path after the endpoint's base, beginning with `/`.
            attempts: most attempts; None for the endpoint's number.
        """
        return self._retried(
            lambda _: self._send(method, self.base + path, content, content_type), attempts
        )

    def is_there(self) -> bool:
        """Return whether a server answers at the address; a temporary error does not count as an answer."""
        models = self.base + "/models"
        try:
            with self._client.stream("GET", models, timeout=min(self.timeout, 30)) as reply:
                return reply.status_code not in RETRIED
        except (httpx.HTTPError, OSError):
            return False

    def _retried(self, attempt: Callable[[int], Got], attempts: int | None = None) -> Got:
        """Return the result of the first successful attempt; each gets its number."""
        most = attempts or self.attempts
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Retry),
            stop=tenacity.stop_after_attempt(most),
            wait=tenacity.wait_combine(
                _wait_asked_for,
                tenacity.wait_random_exponential(self.first_wait, max=LONGEST_WAIT),
            ),
            reraise=True,
        )
        try:
            for each in retrying:
                with each:
                    return attempt(each.retry_state.attempt_number)
        except _Retry as failure:
            raise RefusedRequest(f"{failure} in {most} attempts", may_pass=True) from None
        raise AssertionError("unreachable")

    def _completion(self, data: bytes) -> Body:
        content = self._send("POST", self.url, data, "application/json")
        try:
            body = json.loads(content)
        except (ValueError, RecursionError) as error:  # no JSON, or nested too deeply
            why = _without(f"{type(error).__name__}: {error}", self._key())
            raise _Retry(why) from None
        answer = self.wire.answer
        if not isinstance(body, dict) or answer not in body or body[answer] is None:
            raise _Retry("no completion in the reply")
        return body

    def _send(self, method: str, url: str, content: bytes | None, content_type: str) -> bytes:
        key = self._key()
        headers = {"Content-Type": content_type, "Accept-Encoding": "identity"}
        headers |= self.wire.headers(key)
        try:
            with self._client.stream(method, url, content=content, headers=headers) as reply:
                if not reply.is_success:
                    self._refuse(reply, key)
                return _read(reply, LARGEST_REPLY, TRICKLES * self.timeout)
        except (httpx.HTTPError, OSError, ValueError) as error:
            # Refused, reset, timed out or cut off. Only what never reached the server is certainly free.
            free = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            why = _without(f"{type(error).__name__}: {error}", key)
            raise _Retry(why, free=free) from None

    def _key(self) -> str | None:
        key = os.environ.get(self.key_variable)
        # An error about the header would show the key.
        if key and not re.fullmatch(r"[\x21-\x7e]+", key):
            raise ServerError(f"${self.key_variable} holds spaces or characters that no key has")
        return key

    def _refuse(self, reply: httpx.Response, key: str | None) -> None:
        """Raise the error that a server's status means."""
        status = reply.status_code
        said = _read(reply, 2000, TRICKLES * self.timeout).decode("utf-8", "replace")
        message = escape_unprintable(_without(said, key)[:300])
        if status in FATAL:
            raise ServerError(
                f"the server at {self.url} answers {status}: check address, model and the key "
                f"in ${self.key_variable}; it says: {message}"
            )
        if status in RETRIED:
            raise _Retry(f"HTTP {status}", _retry_after(reply), free=status in TURNED_AWAY)
        raise RefusedRequest(f"HTTP {status}: {message}")


def _checked_host(url: str) -> str:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL("")  # the error might contain the password
    if parts.scheme not in ("http", "https") or parts.userinfo:
        raise ValueError("server: the address must be http(s)://host/... without a password")
    return parts.host


def _read(reply: httpx.Response, most: int, seconds: float) -> bytes:
    """Return the reply's first `most` bytes.

    Raises:
        httpx.ReadTimeout: each part comes in time, but the reply is not complete after so many seconds.
    """
    content, until = bytearray(), time.monotonic() + seconds
    for part in reply.iter_raw():
        content += part
        if len(content) >= most:
            break
        if time.monotonic() > until:
            raise httpx.ReadTimeout(f"the reply was not whole after {seconds:g} s")
    return bytes(content[:most])


def _check(body: Body, accept: Callable[[Body], object]) -> None:
    try:
        accept(body)
    except ValueError as error:
        raise _Retry(str(error)) from None


def _without(text: str, key: str | None) -> str:
    return text.replace(key, "***") if key else text


def _retry_after(reply: httpx.Response) -> float:
    asked = reply.headers.get("Retry-After", "")
    return min(LONGEST_WAIT, float(asked)) if re.fullmatch(r"\d+(\.\d+)?", asked) else 0.0


def _wait_asked_for(retry_state: tenacity.RetryCallState) -> float:
    failure = retry_state.outcome.exception() if retry_state.outcome else None
    return failure.wait if isinstance(failure, _Retry) else 0.0


def _turns(per_minute: float | None) -> Callable[[], None]:
    """Return a function that waits until the next attempt may start."""
    if per_minute is None:
        return lambda: None
    lock, gap, following = threading.Lock(), 60.0 / per_minute, 0.0

    def wait() -> None:
        nonlocal following
        with lock:
            now = time.monotonic()
            start = max(now, following)
            following = start + gap
        time.sleep(start - now)

    return wait
