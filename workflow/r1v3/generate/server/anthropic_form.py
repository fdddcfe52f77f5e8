"""Anthropic's own interface, `/v1/messages`: one sample a request, pictures as base64 blocks, no seed.

The system prompt is separate from the turns. The provider counts prompt tokens that were read from its cache,
or written into it, separately; here they are added.
"""

from dataclasses import dataclass, field
from typing import Any

from r1v3.generate.server.endpoint import Body, Wire
from r1v3.generate.server.forms import PICTURES, Ask, Message
from r1v3.generate.server.read_reply import Choice, count, mapping, shown
from r1v3.generate.server.tokens import Tokens

VERSION = "2023-06-01"
OUTCOMES = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "tool_use": "tool_calls",
}
HIDDEN = ("thinking", "redacted_thinking")  # blocks that are not part of the answer


def _headers(key: str | None) -> dict[str, str]:
    return {"anthropic-version": VERSION, **({"x-api-key": key} if key else {})}


MESSAGES = Wire("/messages", "content", _headers)


@dataclass(frozen=True)
class AnthropicForm:
    """The Messages interface; `omits` are parameters that the model refuses.

    A temperature or top-p of 1 is the provider's default and is not sent, because some models refuse both
    together.
    """

    omits: frozenset[str] = field(default=frozenset[str]())
    wire: Wire = MESSAGES
    takes_n: bool = False
    pictures: frozenset[str] | None = PICTURES

    def body(self, ask: Ask) -> Body:
        """Return the JSON of a request for one sample.

        Raises:
            ValueError: tokens are to be banned, which the interface does not support.
        """
        sampling = ask.sampling
        if sampling.banned or sampling.bias:
            raise ValueError("thinking.banned_words: Anthropic's interface bans no tokens")
        system = [_text(turn) for turn in ask.chat.turns if turn["role"] == "system"]
        turns = [turn for turn in ask.chat.turns if turn["role"] != "system"]
        body: Body = {
            "model": ask.model,
            "max_tokens": ask.most,
            "messages": [{"role": each["role"], "content": _content(each)} for each in turns],
        }
        body |= {"system": "\n\n".join(system)} if any(system) else {}
        body |= {"stop_sequences": list(sampling.stop)} if sampling.stop else {}
        for name, value in (("temperature", sampling.temperature), ("top_p", sampling.top_p)):
            if value != 1.0 and name not in self.omits:
                body[name] = value
        return body

    def choices(self, body: Body) -> list[Choice]:
        """Return the one sample of a message."""
        blocks = body.get("content")
        if not isinstance(blocks, list):
            raise ValueError(f"content: a list is expected, not {shown(blocks)}")
        reason = body.get("stop_reason")
        if reason is not None and not isinstance(reason, str):
            raise ValueError(f"stop_reason: a word is expected, not {shown(reason)}")
        counts = self.tokens(body)
        text = "".join(map(_said, blocks))
        outcome = OUTCOMES.get(reason or "", "stop")
        return [Choice(text, (), (), outcome, counts.prompt, counts.new)]

    def tokens(self, body: Body) -> Tokens:
        """Return the provider's counts."""
        usage = mapping(body.get("usage"), "usage")
        fresh, cached, written, new = (
            count(usage.get(name), name)
            for name in (
                "input_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "output_tokens",
            )
        )
        return Tokens(fresh + cached + written, new, cached, written)


def _text(turn: Message) -> str:
    content = turn["content"]
    if isinstance(content, str):
        return content
    raise ValueError("a system prompt with pictures cannot be sent")


def _content(turn: Message) -> str | list[dict[str, Any]]:
    content = turn["content"]
    if isinstance(content, str):
        return content
    blocks: list[dict[str, Any]] = []
    for part in content:
        if "image_url" in part:
            blocks.append({"type": "image", "source": _source(part["image_url"]["url"])})
        elif part["text"].strip():  # a block of spaces is refused
            blocks.append({"type": "text", "text": part["text"]})
    return blocks


def _source(url: str) -> dict[str, str]:
    """Return a `data:` URL as a block's source."""
    head, _, data = url.partition(",")
    kind = head.removeprefix("data:").removesuffix(";base64")
    return {"type": "base64", "media_type": kind, "data": data}


def _said(block: object) -> str:
    """Return the text of a block of an answer.

    Raises:
        ValueError: it is neither text nor a hidden thought.
    """
    kind = block.get("type") if isinstance(block, dict) else None
    if isinstance(block, dict) and kind in HIDDEN:
        return ""
    text = block.get("text") if isinstance(block, dict) else None
    if kind != "text" or not isinstance(text, str):
        raise ValueError(f"content: blocks of text are expected, not {shown(block)}")
    return text
