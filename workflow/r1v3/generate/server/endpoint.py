"""One endpoint of completions: limits its rate, tries again, and never shows its key."""

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

from r1v3.base.told import escape_unprintable

RETRIED = {408, 409, 425, 429, 500, 502, 503, 504, 529}
TURNED_AWAY = {409, 425, 429, 503, 529}  # before any work was done
FATAL = {401, 403, 404}
LONGEST_WAIT = 60.0  # seconds between two attempts
TRICKLES = 10  # timeouts that a reply may take from its first byte to its last
LARGEST_REPLY = 256 * 2**20  # bytes

Body = dict[str, Any]  # JSON of a request or a reply
Got = TypeVar("Got")


class ServerError(RuntimeError):
    """The server is away or misconfigured (address, model, key); the job may be started again later."""


class RefusedRequest(Exception):
    """The server does not answer this request; `may_pass` if it only failed at it."""

    def __init__(self, why: str, *, may_pass: bool = False):
        super().__init__(why)
        self.may_pass = may_pass


class _Retry(Exception):
    """An attempt failed and another may succeed, after `wait` seconds where the server asked for them.

    `free` says that the server surely did no work for it, so that nobody pays for it.
    """

    def __init__(self, why: str, wait: float = 0.0, *, free: bool = False):
        super().__init__(why)
        self.wait, self.free = wait, free


class Charge(Protocol):
    """What one attempt may cost, set aside before it is sent."""

    def hold(self) -> str:
        """Set it aside; returns its name."""
        ...

    def end(self, held: str, *, free: bool) -> None:
        """The attempt got no reply; give back what it would have cost where it surely was free."""
        ...


class _Unpaid:
    """The charge of a server that nobody pays."""

    def hold(self) -> str:
        return ""

    def end(self, held: str, *, free: bool) -> None:
        return None


@dataclass(frozen=True)
class Reply:
    """The body of a completion, after how many attempts it came, and the name of its charge."""

    body: Body
    attempts: int
    held: str = ""


def bearer(key: str | None) -> dict[str, str]:
    """The header by which OpenAI-compatible servers know a key."""
    return {"Authorization": f"Bearer {key}"} if key else {}


@dataclass(frozen=True)
class Wire:
    """How an interface is spoken: where completions are posted, how the key travels, what a reply holds."""

    path: str = "/chat/completions"
    answer: str = "choices"
    headers: Callable[[str | None], dict[str, str]] = field(default=bearer)


CHAT = Wire()


class Endpoint:
    """Posts requests; may be used from many threads.

    Args:
        url: base of the endpoint, as in `http://node:8000/v1`.
        attempts: tries a request, the first included.
        timeout: seconds that connecting, sending, or the next part of a reply may take.
        per_minute: most attempts a minute, None for no limit.
        first_wait: seconds before the second attempt at most; doubles each time, with full jitter.
        key_variable: environment variable that holds the key; unset means no key.
        wire: the interface that the server speaks.

    Raises:
        ValueError: a number is out of range, or the address is malformed or holds a password.
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
            follow_redirects=False,  # a redirect would carry the key to another host
            trust_env=not (host == "localhost" or host.startswith("127.")),  # no proxy to ourselves
            # The server may close a connection that waits just as it is used again, so none waits.
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
            accept: looks at a completion; a ValueError of it is worth another attempt.
            charge: sets aside what an attempt may cost; what it raises is passed on.

        Raises:
            Refused: the server refuses this request, or fails at it in all attempts.
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
        """Ask for something beside completions, such as a batch; errors are those of `ask`.

        Args:
            path: behind the endpoint's base, from `/` on.
            attempts: how often at most, None for the endpoint's number.
        """
        return self._retried(
            lambda _: self._send(method, self.base + path, content, content_type), attempts
        )

    def is_there(self) -> bool:
        """Whether anything answers at the address; an error that may pass is no answer."""
        models = self.base + "/models"
        try:
            with self._client.stream("GET", models, timeout=min(self.timeout, 30)) as reply:
                return reply.status_code not in RETRIED
        except (httpx.HTTPError, OSError):
            return False

    def _retried(self, attempt: Callable[[int], Got], attempts: int | None = None) -> Got:
        """What the first attempt that succeeds gives; each is told its number."""
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
        except (ValueError, RecursionError) as error:  # no JSON, or nested without end
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
            # Refused, reset, timed out or cut. Only what never reached the server is surely free.
            free = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            why = _without(f"{type(error).__name__}: {error}", key)
            raise _Retry(why, free=free) from None

    def _key(self) -> str | None:
        key = os.environ.get(self.key_variable)
        # An error about the header would show it.
        if key and not re.fullmatch(r"[\x21-\x7e]+", key):
            raise ServerError(f"${self.key_variable} holds spaces or characters that no key has")
        return key

    def _refuse(self, reply: httpx.Response, key: str | None) -> None:
        """Raise what an error of the server means."""
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
        parts = httpx.URL("")  # the error may hold the password
    if parts.scheme not in ("http", "https") or parts.userinfo:
        raise ValueError("server: the address must be http(s)://host/... without a password")
    return parts.host


def _read(reply: httpx.Response, most: int, seconds: float) -> bytes:
    """The reply's first `most` bytes.

    Raises:
        httpx.ReadTimeout: it comes in drops, each in time, and is not whole after so many seconds.
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
    """A function that returns when the next attempt may start."""
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
