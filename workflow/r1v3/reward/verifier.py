"""Verifier accuracy (R_theta of the report's eq. 2): a language model behind an OpenAI-compatible endpoint.

It is asked only where the rules say no, sees the question, the gold and the extracted answer (never the
thought), and must reply with one of two lines. What it does not settle stays unjudged; nothing is
guessed. The report names Qwen2.5-32B-Instruct; any server of chat completions will do.
"""

import json
import logging
import os
import random
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from r1v3.reward.judge_cache import JudgeCache, cache_key
from r1v3.reward.prompt import PROMPT_VERSION, is_addressed_to_judge, messages, read_reply
from r1v3.reward.verdict import shorten

log = logging.getLogger(__name__)

RETRIED = {408, 409, 425, 429, 500, 502, 503, 504, 529}
FATAL = {401, 403, 404}
LONGEST_WAIT = 30.0  # seconds between two attempts


class VerifierError(RuntimeError):
    """The endpoint is misconfigured (address, model or key); retrying will not help."""


class UnjudgedError(RuntimeError):
    """More answers stayed unjudged than the recipe allows."""


@dataclass(frozen=True)
class Judgement:
    """True, False, or None (unjudged) with the reason."""

    correct: bool | None
    reason: str


class _Retry(Exception):
    """An attempt failed in a way that may pass; carries how long the server asked to wait."""

    def __init__(self, why: str, wait: float | None = None):
        super().__init__(why)
        self.wait = wait


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(self, *_):
        return None


class Verifier:
    """Asks a model whether answers match their golds; concurrent, cached, patient.

    Args:
        url: base of the endpoint, as in `http://node:8000/v1`.
        model: name the server knows the model by.
        cache: folder of the verdict cache.
        concurrency: requests in flight.
        attempts: tries per answer, the first included.
        timeout: seconds one request may take.
        first_wait: seconds before the second attempt; doubles each time, with full jitter.
        key_variable: environment variable that holds the key; unset means no key.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        cache: str | Path,
        concurrency: int,
        attempts: int,
        timeout: float,
        first_wait: float = 1.0,
        key_variable: str = "R1V3_VERIFIER_KEY",
    ):
        if min(concurrency, attempts) < 1 or timeout <= 0:
            raise ValueError("verifier: concurrency and attempts must be >= 1, timeout > 0")
        self.url = url.rstrip("/") + "/chat/completions"
        self.model = model
        self.cache = JudgeCache(cache)
        self.concurrency = concurrency
        self.attempts = attempts
        self.timeout = timeout
        self.first_wait = first_wait
        self.key_variable = key_variable
        self.asked = 0
        self._lock = threading.Lock()
        host = urllib.parse.urlsplit(url).hostname or ""
        local = host == "localhost" or host.startswith("127.")
        handlers = [_NoRedirect()] + ([urllib.request.ProxyHandler({})] if local else [])
        self._opener = urllib.request.build_opener(*handlers)

    def judge_many(self, items: list[tuple[str, str, str]]) -> list[Judgement]:
        """Judge (question, gold, answer) triples, in order; each different one is asked once.

        Raises:
            VerifierError: the server rejects the key, the model or the address.
        """
        unique = list(dict.fromkeys(items))
        failures = _Failures(limit=2 * self.concurrency)
        with ThreadPoolExecutor(min(self.concurrency, max(1, len(unique)))) as threads:
            found = dict(
                zip(
                    unique,
                    threads.map(lambda item: self._judge(item, failures), unique),
                    strict=True,
                )
            )
        return [found[item] for item in items]

    def _judge(self, item: tuple[str, str, str], failures: "_Failures") -> Judgement:
        question, gold, answer = item
        if is_addressed_to_judge(answer, gold):
            return Judgement(False, "the answer speaks to its judge")
        key = cache_key(self.model, PROMPT_VERSION, question, gold, answer)
        known = self.cache.get(key)
        if known is not None:
            return Judgement(known, f"{self.model} (cached)")
        if failures.too_many:
            return Judgement(None, "verifier unreachable")
        try:
            correct = self._ask(question, gold, answer)
        except _Retry as failure:
            failures.add()
            log.warning("verifier gave no verdict: %s", shorten(str(failure), 200))
            return Judgement(None, f"verifier: {shorten(str(failure), 80)}")
        failures.reset()
        self.cache.put(key, correct, self.model)
        return Judgement(correct, self.model)

    def _ask(self, question: str, gold: str, answer: str) -> bool:
        body = json.dumps(
            {
                "model": self.model,
                "messages": messages(question, gold, answer),
                "temperature": 0,
                "max_tokens": 16,
            }
        ).encode("utf-8", "replace")
        for attempt in range(self.attempts):
            try:
                return read_or_retry(self._post(body))
            except _Retry as failure:
                if attempt == self.attempts - 1:
                    raise
                ceiling = min(LONGEST_WAIT, self.first_wait * 2**attempt)
                time.sleep(max(failure.wait or 0.0, random.uniform(0, ceiling)))
        raise AssertionError("unreachable")

    def _post(self, body: bytes) -> dict:
        headers = {"Content-Type": "application/json"}
        key = os.environ.get(self.key_variable)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")
        with self._lock:
            self.asked += 1
        try:
            with self._opener.open(request, timeout=self.timeout) as reply:
                return json.loads(reply.read(1_000_000))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in FATAL:
                raise VerifierError(
                    f"verifier at {self.url} answers {error.code} for model {self.model!r}: check the "
                    f"address, the model's name and the key in ${self.key_variable}"
                ) from None
            if error.code in RETRIED:
                raise _Retry(f"HTTP {error.code}", _wait_asked(error)) from None
            raise _Retry(f"HTTP {error.code}") from None
        except (
            OSError,
            ValueError,
            HTTPException,
            RecursionError,
        ) as error:  # cut, or no HTTP, no JSON
            raise _Retry(type(error).__name__) from None


def _wait_asked(error: urllib.error.HTTPError) -> float | None:
    asked = error.headers.get("Retry-After") or ""
    return min(LONGEST_WAIT, float(asked)) if re.fullmatch(r"\d+(\.\d+)?", asked) else None


def read_or_retry(reply: dict) -> bool:
    """Return the verdict of a completion; a reply outside the grammar is worth another attempt."""
    try:
        text = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise _Retry("no completion in the reply") from None
    verdict = read_reply(text)
    if verdict is None:
        raise _Retry("a reply outside the verdict grammar")
    return verdict


class _Failures:
    """Counts failures in a row; past the limit the endpoint is taken to be away for this batch."""

    def __init__(self, limit: int):
        self.limit = limit
        self.count = 0

    def add(self) -> None:
        self.count += 1

    def reset(self) -> None:
        self.count = 0

    @property
    def too_many(self) -> bool:
        return self.count >= self.limit
