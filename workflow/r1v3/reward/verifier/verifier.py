"""Verifier accuracy (R_theta of the report's eq. 2): a model behind an OpenAI-compatible endpoint.

It is asked only if the rules say no. It gets the question, the gold and the extracted answer (never the
thought), and must reply with one of two lines. An answer without such a reply stays unjudged; nothing is
guessed. The report names Qwen2.5-32B-Instruct, but any server of chat completions works.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1v3.generate.server.endpoint import Endpoint, RefusedRequest, ServerError
from r1v3.reward.verdict import shorten
from r1v3.reward.verifier.cache import JudgeCache, cache_key
from r1v3.reward.verifier.prompt import PROMPT_VERSION, is_addressed_to_judge, messages, read_reply

log = logging.getLogger(__name__)


class VerifierError(RuntimeError):
    """Raised if the endpoint is misconfigured (address, model or key), so that retries will not help."""


class UnjudgedError(RuntimeError):
    """Raised if more answers stayed unjudged than the recipe allows."""


@dataclass(frozen=True)
class Judgement:
    """A judgement: True, False or None (unjudged), with the reason."""

    correct: bool | None
    reason: str


class VerifierClient:
    """Asks a model whether answers match their golds: concurrently, with a cache and with retries.

    Args:
        url: base of the endpoint, as in `http://node:8000/v1`.
        model: the model's name on the server.
        cache: folder of the verdict cache.
        concurrency: number of requests in flight.
        attempts: number of attempts per answer, the first included.
        timeout: time limit of a request, in seconds.
        first_wait: seconds before the second attempt; doubled for each further one, with full jitter.
        key_variable: environment variable with the key; without it no key is sent.
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
        self.model, self.concurrency = model, concurrency
        self.cache = JudgeCache(cache)
        self.endpoint = Endpoint(
            url,
            attempts=attempts,
            timeout=timeout,
            per_minute=None,
            first_wait=first_wait,
            key_variable=key_variable,
        )

    def judge_many(self, items: list[tuple[str, str, str]]) -> list[Judgement]:
        """Judge (question, gold, answer) triples in order; each distinct one is asked once.

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
            return Judgement(known, self.model)
        if failures.too_many:
            return Judgement(None, "verifier unreachable")
        try:
            correct = self._ask(question, gold, answer)
        except ServerError as error:
            raise VerifierError(f"verifier, model {self.model!r}: {error}") from None
        except RefusedRequest as failure:
            failures.add()
            log.warning("verifier gave no verdict: %s", shorten(str(failure), 200))
            return Judgement(None, f"verifier: {shorten(str(failure), 80)}")
        failures.reset()
        self.cache.put(key, correct, self.model)
        return Judgement(correct, self.model)

    def _ask(self, question: str, gold: str, answer: str) -> bool:
        body = {
            "model": self.model,
            "messages": messages(question, gold, answer),
            "temperature": 0,
            "max_tokens": 16,
        }
        return verdict_of(self.endpoint.ask(body, accept=verdict_of).body)


def verdict_of(reply: dict[str, Any]) -> bool:
    """Return the verdict of a completion.

    Raises:
        ValueError: the reply is outside the grammar, so another attempt is worthwhile.
    """
    try:
        text = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise ValueError("no completion in the reply") from None
    verdict = read_reply(text)
    if verdict is None:
        raise ValueError("a reply outside the verdict grammar")
    return verdict


class _Failures:
    """Counts consecutive failures. Above the limit the endpoint counts as unreachable for this batch."""

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
