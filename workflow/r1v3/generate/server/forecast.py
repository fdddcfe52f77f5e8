"""Estimates what requests will cost before they are sent: counted tokens, corrected by earlier requests."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from r1v3.generate.server.tokens import Tokens, prompt_tokens
from r1v3.generate.server.usage import read_answered
from r1v3.generate.types import Request, Sampling
from r1v3.recipe.tables.prices import Price


@dataclass(frozen=True)
class Measured:
    """Measurements on answered requests: actual prompt tokens a counted one, and new tokens an answer.

    `requests` is the number of these requests; 0 keeps the count and the assumed length of an answer.
    """

    requests: int
    prompt_ratio: float
    answer_tokens: float


@dataclass(frozen=True)
class Forecast:
    """The cost of some requests: expected tokens and money, and the most money."""

    requests: int
    tokens: Tokens
    expected: float
    at_most: float


def measure_tokens(usage: Path, model: str, price: Price) -> Measured:
    """Measure a model's answered requests in a usage file."""
    rows = [row for row in read_answered(usage) if row["model"] == model and row.get("counted")]
    samples = sum(row.get("samples", 1) for row in rows)
    if not samples:
        return Measured(0, 1.0, float(price.answer_tokens))
    ratio = sum(row["prompt_tokens"] for row in rows) / sum(row["counted"] for row in rows)
    return Measured(len(rows), ratio, sum(row["new_tokens"] for row in rows) / samples)


def forecast(
    requests: Iterable[Request],
    sampling: Sampling,
    price: Price,
    measured: Measured,
    *,
    takes_n: bool,
    batch: bool = False,
) -> Forecast:
    """Estimate the cost of requests that are all asked for all their samples.

    Args:
        takes_n: whether one request returns all samples; if not, its prompt is paid for each.
        batch: whether they use the batch interface.
    """
    asked, prompt, new, most = 0, 0.0, 0.0, 0.0
    times = 1 if takes_n else sampling.samples
    answer = min(measured.answer_tokens, float(sampling.max_new_tokens))
    for request in requests:
        counted, bound = prompt_tokens(request, price)
        asked += 1
        prompt += counted * measured.prompt_ratio * times
        new += answer * sampling.samples
        ceiling = Tokens(bound * times, sampling.max_new_tokens * sampling.samples)
        most += ceiling.cost(price, batch=batch)
    tokens = Tokens(round(prompt), round(new))
    return Forecast(asked, tokens, tokens.cost(price, batch=batch), most)
