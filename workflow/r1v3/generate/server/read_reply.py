"""Reads the choices of a completion strictly, because a server may return anything."""

import sys
from dataclasses import dataclass

from r1v3.generate.server.endpoint import Body
from r1v3.generate.server.tokens import Tokens

# Ways in which a choice may end besides `stop`. Each is an outcome of its own, not a completed answer.
OUTCOMES = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
# Finish reasons of servers that gave up on a sample. Its text is no answer.
BROKEN = {"error", "abort", "aborted", "cancelled", "timeout", "insufficient_system_resource"}
ROUNDING = 1e-3  # nats by which a log-probability may exceed 0
LARGEST_COUNT = 2**31  # limit of token counts and token ids


@dataclass(frozen=True)
class Choice:
    """One sample of a server's reply; `tokens` is its count, which is exact if the server returns ids."""

    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: str
    prompt_tokens: int
    tokens: int


def read_choices(body: Body) -> list[Choice]:
    """Return all samples of a completion.

    Raises:
        ValueError: a value does not have the type that the interface says. The message names it.
    """
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise ValueError(f"choices: a list is expected, not {shown(choices)}")
    counts = read_tokens(body)
    share = round(counts.new / len(choices))
    return [_read_choice(choice, counts.prompt, share) for choice in choices]


def read_tokens(body: Body) -> Tokens:
    """Return the server's counts; zeros if it returns none.

    Raises:
        ValueError: a count is not a count.
    """
    usage = mapping(body.get("usage"), "usage")
    details = mapping(usage.get("prompt_tokens_details"), "prompt_tokens_details")
    prompt, new = (count(usage.get(f"{name}_tokens"), name) for name in ("prompt", "completion"))
    return Tokens(prompt, new, cached=min(prompt, count(details.get("cached_tokens"), "cached")))


def _read_choice(choice: object, prompt_tokens: int, share: int) -> Choice:
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise ValueError(f"a choice with a message is expected, not {shown(choice)}")
    reason = choice.get("finish_reason")
    if reason is not None and not isinstance(reason, str):
        raise ValueError(f"finish_reason: a word is expected, not {shown(reason)}")
    if reason in BROKEN:
        raise ValueError(f"finish_reason: {reason}; an answer is expected")
    entries = _list(mapping(choice.get("logprobs"), "logprobs").get("content"), "logprobs")
    ids = tuple(count(each, "token_ids") for each in _list(choice.get("token_ids"), "token_ids"))
    logprobs = tuple(_logprob(each) for each in entries)
    return Choice(
        text=_text(choice["message"].get("content")),
        token_ids=ids,
        logprobs=logprobs,
        finish_reason=OUTCOMES.get(reason or "", "stop"),
        prompt_tokens=prompt_tokens,
        tokens=len(ids) or len(logprobs) or share,
    )


def _text(content: object) -> str:
    """Return a text, or the joined texts of its parts; empty if the model wrote nothing."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError(f"content: a text is expected, not {shown(content)}")
    texts: list[str] = []
    for part in content:
        text = part.get("text") if isinstance(part, dict) else None
        if not isinstance(text, str) or part.get("type") not in ("text", "output_text"):
            raise ValueError(f"content: parts of text are expected, not {shown(part)}")
        texts.append(text)
    return "".join(texts)


def _logprob(token: object) -> float:
    value = token.get("logprob") if isinstance(token, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_logprob(value):
        raise ValueError(f"logprobs: a number for each token is expected, not {shown(token)}")
    return float(value)


def _is_logprob(value: float) -> bool:
    """Return whether a value can be the logarithm of a probability: at most 0, except for rounding."""
    return -sys.float_info.max <= value <= ROUNDING


def count(value: object, name: str) -> int:
    if value is None and name != "token_ids":
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LARGEST_COUNT:
        raise ValueError(f"{name}: a count is expected, not {shown(value)}")
    return value


def mapping(value: object, name: str) -> Body:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{name}: a mapping is expected, not {shown(value)}")
    return value


def _list(value: object, name: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name}: a list is expected, not {shown(value)}")
    return value


def shown(value: object) -> str:
    return repr(value)[:60]
