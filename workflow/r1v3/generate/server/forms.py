"""The interfaces in which servers are asked: vLLM's, OpenAI's, Anthropic's.

A form writes the body of a request and reads the reply, so that the engine is the same for all.
"""

from dataclasses import dataclass, field
from typing import Protocol, TypedDict

from r1v3.generate.server.endpoint import CHAT, Body, Wire
from r1v3.generate.server.read_reply import Choice, read_choices, read_tokens
from r1v3.generate.server.tokens import Tokens
from r1v3.generate.types import Sampling

NEVER = -100.0  # the bias that bans
# Kinds of picture that closed models take; others are sent to them as PNG.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class Link(TypedDict):
    """Where a picture lies; here always a `data:` URL."""

    url: str


class Text(TypedDict):
    """A piece of text in a turn."""

    type: str
    text: str


class PicturePart(TypedDict):
    """A picture in a turn."""

    type: str
    image_url: Link


class Message(TypedDict):
    """One turn as OpenAI's interface writes it."""

    role: str
    content: str | list[Text | PicturePart]


@dataclass(frozen=True)
class Chat:
    """The finished turns, and what the reply begins with, which a vLLM server continues."""

    turns: tuple[Message, ...]
    opened: str


@dataclass(frozen=True)
class Ask:
    """One request to a server: `n` samples of at most `most` new tokens, with the seed of the first."""

    model: str
    chat: Chat
    sampling: Sampling
    seed: int
    n: int
    most: int
    banned: tuple[int, ...] = ()


class Form(Protocol):
    """An interface."""

    @property
    def wire(self) -> Wire:
        """How it travels."""
        ...

    @property
    def takes_n(self) -> bool:
        """Whether one request may ask for several samples."""
        ...

    @property
    def pictures(self) -> frozenset[str] | None:
        """The kinds of picture that it takes; None for any."""
        ...

    def body(self, ask: Ask) -> Body:
        """The JSON of a request."""
        ...

    def choices(self, body: Body) -> list[Choice]:
        """All samples of a reply.

        Raises:
            ValueError: something is not of the type that the interface says; the message names it.
        """
        ...

    def tokens(self, body: Body) -> Tokens:
        """What the server counted. Errors are those of `choices`."""
        ...


@dataclass(frozen=True)
class VllmForm:
    """vLLM's server: OpenAI's interface, and it continues an opened reply and tells token ids."""

    wire: Wire = CHAT
    takes_n: bool = True
    pictures: frozenset[str] | None = None

    def body(self, ask: Ask) -> Body:
        """A request that tells ids and log-probabilities."""
        body = _chat_body(ask)
        body |= {"max_tokens": ask.most, "logprobs": True, "return_token_ids": True}
        if ask.chat.opened:
            reply: Message = {"role": "assistant", "content": ask.chat.opened}
            body["messages"] = [*body["messages"], reply]
            body |= {"add_generation_prompt": False, "continue_final_message": True}
        return body

    def choices(self, body: Body) -> list[Choice]:
        """All samples of a completion."""
        return read_choices(body)

    def tokens(self, body: Body) -> Tokens:
        """What the server counted."""
        return read_tokens(body)


@dataclass(frozen=True)
class OpenAIForm:
    """A server that knows nothing beyond OpenAI's chat completions; `omits` are parameters it refuses.

    New tokens are limited by `max_completion_tokens`, which counts hidden thoughts too.
    """

    omits: frozenset[str] = field(default=frozenset[str]())
    wire: Wire = CHAT
    pictures: frozenset[str] | None = PICTURES

    @property
    def takes_n(self) -> bool:
        """Whether one request may ask for several samples."""
        return "n" not in self.omits

    def body(self, ask: Ask) -> Body:
        """A request without what the model refuses."""
        body = _chat_body(ask) | {"max_completion_tokens": ask.most}
        return {name: value for name, value in body.items() if name not in self.omits}

    def choices(self, body: Body) -> list[Choice]:
        """All samples of a completion."""
        return read_choices(body)

    def tokens(self, body: Body) -> Tokens:
        """What the server counted."""
        return read_tokens(body)


def _chat_body(ask: Ask) -> Body:
    sampling = ask.sampling
    body: Body = {
        "model": ask.model,
        "messages": list(ask.chat.turns),
        "n": ask.n,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": ask.seed % 2**31,
    }
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    bias = {str(i): value for i, value in sampling.bias}
    bias |= {str(i): NEVER for i in (*ask.banned, *sampling.banned)}
    if bias:
        body["logit_bias"] = bias
    return body
