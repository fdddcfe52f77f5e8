"""One endpoint of chat completions: rate-limited, patient, and silent about its key."""

import http.client
import json
import os
import random
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

RETRIED = {408, 409, 425, 429, 500, 502, 503, 504, 529}
FATAL = {401, 403, 404}
LONGEST_WAIT = 60.0  # seconds between two attempts
LARGEST_REPLY = 256 * 2**20  # bytes


class ServerError(RuntimeError):
    """The server is away or misconfigured (address, model, key); the job may be started again later."""


class Refused(Exception):
    """The server does not answer this request; `may_pass` if it only failed at it."""

    def __init__(self, why: str, *, may_pass: bool = False):
        super().__init__(why)
        self.may_pass = may_pass


class _Retry(Exception):
    def __init__(self, why: str, wait: float = 0.0):
        super().__init__(why)
        self.wait = wait


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(self, *_):
        return None


@dataclass(frozen=True)
class Reply:
    """The body of a completion, and after how many attempts it came."""

    body: dict
    attempts: int


class Endpoint:
    """Posts requests; may be used from many threads.

    Args:
        url: base of the endpoint, as in `http://node:8000/v1`.
        attempts: tries a request, the first included.
        timeout: seconds one attempt may take.
        per_minute: most attempts a minute, None for no limit.
        first_wait: seconds before the second attempt at most; doubles each time, with full jitter.
        key_variable: environment variable that holds the key; unset means no key.
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
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.username or parts.password:
            raise ValueError("server: the address must be http(s)://host/... without a password")
        self.url = url.rstrip("/") + "/chat/completions"
        self.attempts, self.timeout, self.first_wait = attempts, timeout, first_wait
        self.key_variable = key_variable
        self._turn = _turns(per_minute)
        host = parts.hostname or ""
        local = host == "localhost" or host.startswith("127.")
        handlers = [_NoRedirect()] + ([urllib.request.ProxyHandler({})] if local else [])
        self._opener = urllib.request.build_opener(*handlers)

    def ask(self, body: dict, accept: Callable[[dict], object] | None = None) -> Reply:
        """Post until there is a reply.

        Args:
            accept: looks at a completion; a ValueError of it is worth another attempt.

        Raises:
            Refused: the server refuses this request, or fails at it in all attempts.
            ServerError: address, model or key are wrong.
        """
        data = json.dumps(body).encode("utf-8", "replace")
        for attempt in range(1, self.attempts + 1):
            self._turn()
            try:
                reply = Reply(self._post(data), attempt)
                if accept:
                    _accept(reply.body, accept)
                return reply
            except _Retry as failure:
                if attempt == self.attempts:
                    raise Refused(f"{failure} in {attempt} attempts", may_pass=True) from None
                ceiling = min(LONGEST_WAIT, self.first_wait * 2 ** (attempt - 1))
                time.sleep(failure.wait + random.uniform(0, ceiling))
        raise AssertionError("unreachable")

    def is_there(self) -> bool:
        """Whether anything answers at the address, were it with an error that is not passing."""
        models = self.url.removesuffix("/chat/completions") + "/models"
        try:
            with self._opener.open(models, timeout=min(self.timeout, 30)):
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return error.code not in RETRIED
        except (OSError, http.client.HTTPException):
            return False

    def _post(self, data: bytes) -> dict:
        headers = {"Content-Type": "application/json"}
        key = os.environ.get(self.key_variable)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.url, data=data, headers=headers, method="POST")
        try:
            with self._opener.open(request, timeout=self.timeout) as reply:
                body = json.loads(reply.read(LARGEST_REPLY))
        except urllib.error.HTTPError as error:
            with error:
                said = _without(error.read(2000).decode("utf-8", "replace"), key)
            if error.code in FATAL:
                raise ServerError(
                    f"the server at {self.url} answers {error.code}: check address, model and the key "
                    f"in ${self.key_variable}; it says: {said[:300]}"
                ) from None
            if error.code in RETRIED:
                raise _Retry(f"HTTP {error.code}", _wait_asked(error)) from None
            raise Refused(f"HTTP {error.code}: {said[:300]}") from None
        except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
            # refused, reset, timed out, cut, no JSON, or JSON nested without end
            raise _Retry(_without(f"{type(error).__name__}: {error}", key)) from None
        if not isinstance(body, dict) or not body.get("choices"):
            raise _Retry("no completion in the reply")
        return body


def _accept(body: dict, accept: Callable[[dict], object]) -> None:
    try:
        accept(body)
    except ValueError as error:
        raise _Retry(str(error)) from None


def _without(text: str, key: str | None) -> str:
    return text.replace(key, "***") if key else text


def _wait_asked(error: urllib.error.HTTPError) -> float:
    asked = error.headers.get("Retry-After") or ""
    return min(LONGEST_WAIT, float(asked)) if re.fullmatch(r"\d+(\.\d+)?", asked) else 0.0


def _turns(per_minute: float | None) -> Callable[[], None]:
    """A function that returns when the next attempt may start."""
    if per_minute is None:
        return lambda: None
    lock, gap, state = threading.Lock(), 60.0 / per_minute, {"next": 0.0}

    def wait() -> None:
        with lock:
            now = time.monotonic()
            start = max(now, state["next"])
            state["next"] = start + gap
        time.sleep(start - now)

    return wait
