"""One endpoint of chat completions: limits its rate, tries again, and never shows its key."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import tenacity

RETRIED = {408, 409, 425, 429, 500, 502, 503, 504, 529}
FATAL = {401, 403, 404}
LONGEST_WAIT = 60.0  # seconds between two attempts
LARGEST_REPLY = 256 * 2**20  # bytes

Body = dict[str, Any]  # JSON of a request or a reply


class ServerError(RuntimeError):
    """The server is away or misconfigured (address, model, key); the job may be started again later."""


class Refused(Exception):
    """The server does not answer this request; `may_pass` if it only failed at it."""

    def __init__(self, why: str, *, may_pass: bool = False):
        super().__init__(why)
        self.may_pass = may_pass


class _Retry(Exception):
    """An attempt failed and another may succeed, after `wait` seconds where the server asked for them."""

    def __init__(self, why: str, wait: float = 0.0):
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class Reply:
    """The body of a completion, and after how many attempts it came."""

    body: Body
    attempts: int


class Endpoint:
    """Posts requests; may be used from many threads.

    Args:
        url: base of the endpoint, as in `http://node:8000/v1`.
        attempts: tries a request, the first included.
        timeout: seconds that connecting, sending, or the next part of a reply may take.
        per_minute: most attempts a minute, None for no limit.
        first_wait: seconds before the second attempt at most; doubles each time, with full jitter.
        key_variable: environment variable that holds the key; unset means no key.

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
    ):
        if attempts < 1 or timeout <= 0 or (per_minute is not None and per_minute <= 0):
            raise ValueError("server: attempts, timeout and rate must be above 0")
        host = _checked_host(url)
        self.url = url.rstrip("/") + "/chat/completions"
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

    def ask(self, body: Body, accept: Callable[[Body], object] | None = None) -> Reply:
        """Post until there is a reply.

        Args:
            accept: looks at a completion; a ValueError of it is worth another attempt.

        Raises:
            Refused: the server refuses this request, or fails at it in all attempts.
            ServerError: address, model or key are wrong.
        """
        data = json.dumps(body).encode("utf-8", "replace")
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Retry),
            stop=tenacity.stop_after_attempt(self.attempts),
            wait=tenacity.wait_combine(
                _wait_asked_for,
                tenacity.wait_random_exponential(self.first_wait, max=LONGEST_WAIT),
            ),
            reraise=True,
        )
        try:
            for attempt in retrying:
                with attempt:
                    self._turn()
                    reply = Reply(self._post(data), attempt.retry_state.attempt_number)
                    if accept:
                        _check(reply.body, accept)
                    return reply
        except _Retry as failure:
            raise Refused(f"{failure} in {self.attempts} attempts", may_pass=True) from None
        raise AssertionError("unreachable")

    def is_there(self) -> bool:
        """Whether anything answers at the address; an error that may pass is no answer."""
        models = self.url.removesuffix("/chat/completions") + "/models"
        try:
            with self._client.stream("GET", models, timeout=min(self.timeout, 30)) as reply:
                return reply.status_code not in RETRIED
        except (httpx.HTTPError, OSError):
            return False

    def _post(self, data: bytes) -> Body:
        key = self._key()
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        try:
            with self._client.stream("POST", self.url, content=data, headers=headers) as reply:
                if not reply.is_success:
                    self._refuse(reply, key)
                body = json.loads(_read(reply, LARGEST_REPLY))
        except (httpx.HTTPError, OSError, ValueError, RecursionError) as error:
            # refused, reset, timed out, cut, no JSON, or JSON nested without end
            raise _Retry(_without(f"{type(error).__name__}: {error}", key)) from None
        if not isinstance(body, dict) or not body.get("choices"):
            raise _Retry("no completion in the reply")
        return body

    def _key(self) -> str | None:
        key = os.environ.get(self.key_variable)
        # An error about the header would show it.
        if key and not re.fullmatch(r"[\x21-\x7e]+", key):
            raise ServerError(f"${self.key_variable} holds spaces or characters that no key has")
        return key

    def _refuse(self, reply: httpx.Response, key: str | None) -> None:
        """Raise what an error of the server means."""
        status = reply.status_code
        message = _without(_read(reply, 2000).decode("utf-8", "replace"), key)[:300]
        if status in FATAL:
            raise ServerError(
                f"the server at {self.url} answers {status}: check address, model and the key "
                f"in ${self.key_variable}; it says: {message}"
            )
        if status in RETRIED:
            raise _Retry(f"HTTP {status}", _retry_after(reply))
        raise Refused(f"HTTP {status}: {message}")


def _checked_host(url: str) -> str:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL("")  # the error may hold the password
    if parts.scheme not in ("http", "https") or parts.userinfo:
        raise ValueError("server: the address must be http(s)://host/... without a password")
    return parts.host


def _read(reply: httpx.Response, most: int) -> bytes:
    """The reply's first `most` bytes."""
    content = bytearray()
    for part in reply.iter_raw():
        content += part
        if len(content) >= most:
            break
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
