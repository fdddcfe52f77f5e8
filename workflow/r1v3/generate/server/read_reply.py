"""The choices of a completion, read strictly: a server may say anything, and only text is an answer."""

import sys
from dataclasses import dataclass

from r1v3.generate.server.endpoint import Body
from r1v3.generate.server.tokens import Tokens

# How a choice may end beside `stop`: each is an outcome of its own, not an answer that stopped by itself.
OUTCOMES = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
# Words of servers that gave up on a sample: what came of it is no answer.
BROKEN = {"error", "abort", "aborted", "cancelled", "timeout", "insufficient_system_resource"}
ROUNDING = 1e-3  # nats
LARGEST_COUNT = 2**31  # of tokens, and of their ids


@dataclass(frozen=True)
class Choice:
    """One sample as a server tells it; `tokens` is its count, exact where the server tells ids."""

    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: str
    prompt_tokens: int
    tokens: int


def read_choices(body: Body) -> list[Choice]:
    """All samples of a completion.

    Raises:
        ValueError: something is not of the type that the interface says; the message names it.
    """
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise ValueError(f"choices: a list is expected, not {shown(choices)}")
    told = read_tokens(body)
    share = round(told.new / len(choices))
    return [_read_choice(choice, told.prompt, share) for choice in choices]


def read_tokens(body: Body) -> Tokens:
    """What the server counted; nothing where it does not tell.

    Raises:
        ValueError: a count is none.
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
    told = _list(mapping(choice.get("logprobs"), "logprobs").get("content"), "logprobs")
    ids = tuple(count(each, "token_ids") for each in _list(choice.get("token_ids"), "token_ids"))
    logprobs = tuple(_logprob(each) for each in told)
    return Choice(
        text=_text(choice["message"].get("content")),
        token_ids=ids,
        logprobs=logprobs,
        finish_reason=OUTCOMES.get(reason or "", "stop"),
        prompt_tokens=prompt_tokens,
        tokens=len(ids) or len(logprobs) or share,
    )


def _text(content: object) -> str:
    """A text, or the texts of its parts in order; nothing where the model said nothing."""
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
    """Whether it can be the logarithm of a probability, which is at most 0 but for rounding."""
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
