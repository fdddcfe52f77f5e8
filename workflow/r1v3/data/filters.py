"""The filters of section 3.2, each by name: overlong, repetitive, rambling."""

import re
import zlib

RECONSIDER = re.compile(
    r"\b(?:wait|alternatively|hmm|let me (?:check|think) again)\b", re.IGNORECASE
)


def first_failure(response: str, tokens: int, filters: dict) -> str | None:
    """The name of the first filter that a response fails, or None.

    Args:
        tokens: length of the response in the model's tokens.
        filters: the recipe's `filters` section; a filter set to null is off.
    """
    if filters["max_tokens"] is not None and tokens > filters["max_tokens"]:
        return "overlong"
    if filters["max_repetition"] is not None and repetition(response) > filters["max_repetition"]:
        return "repetitive"
    turns = filters["max_reconsiderations"]
    if turns is not None and len(RECONSIDER.findall(response)) > turns:
        return "rambling"
    return None


def repetition(text: str) -> float:
    """How much shorter a text becomes when compressed, in [0, 1): 0 is incompressible."""
    data = text.encode()
    return max(0.0, 1 - len(zlib.compress(data, 9)) / max(1, len(data)))
