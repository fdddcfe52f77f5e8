"""The interfaces of servers: vLLM's, OpenAI's, Anthropic's.

A form writes the body of a request and reads the reply, so that the engine is the same for all.
"""

from dataclasses import dataclass, field
from typing import Protocol, TypedDict

from r1v3.generate.server.endpoint import CHAT, Body, Wire
from r1v3.generate.server.read_reply import Choice, read_choices, read_tokens
from r1v3.generate.server.tokens import Tokens
from r1v3.generate.types import Sampling

NEVER = -100.0  # the bias that bans a token
# Types of pictures that closed models accept; others are sent to them as PNG.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class Link(TypedDict):
    """The address of a picture; here always a `data:` URL."""

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
    """The finished turns, and the beginning of the reply, which a vLLM server continues."""

    turns: tuple[Message, ...]
    opened: str


@dataclass(frozen=True)
class Ask:
    """One request to a server: `n` samples of at most `most` new tokens, with the first one's seed."""

    model: str
    chat: Chat
    sampling: Sampling
    seed: int
    n: int
    most: int
    banned: tuple[int, ...] = ()


class Form(Protocol):
    """An interface of servers."""

    @property
    def wire(self) -> Wire:
        """Return the protocol."""
        ...

    @property
    def takes_n(self) -> bool:
        """Return whether one request may ask for several samples."""
        ...

    @property
    def pictures(self) -> frozenset[str] | None:
        """Return the types of pictures that it accepts; None for any."""
        ...

    def body(self, ask: Ask) -> Body:
        """Return the JSON of a request."""
        ...

    def choices(self, body: Body) -> list[Choice]:
        """Return all samples of a reply.

        Raises:
            ValueError: a value does not have the type that the interface says. The message names it.
        """
        ...

    def tokens(self, body: Body) -> Tokens:
        """Return the server's counts. Errors are those of `choices`."""
        ...


@dataclass(frozen=True)
class VllmForm:
    """vLLM's server: OpenAI's interface. It also continues an opened reply and returns token ids."""

    wire: Wire = CHAT
    takes_n: bool = True
    pictures: frozenset[str] | None = None

    def body(self, ask: Ask) -> Body:
        """Return a request that asks for ids and log-probabilities."""
        body = _chat_body(ask)
        body |= {"max_tokens": ask.most, "logprobs": True, "return_token_ids": True}
        if ask.chat.opened:
            reply: Message = {"role": "assistant", "content": ask.chat.opened}
            body["messages"] = [*body["messages"], reply]
            body |= {"add_generation_prompt": False, "continue_final_message": True}
        return body

    def choices(self, body: Body) -> list[Choice]:
        """Return all samples of a completion."""
        return read_choices(body)

    def tokens(self, body: Body) -> Tokens:
        """Return the server's counts."""
        return read_tokens(body)


@dataclass(frozen=True)
class OpenAIForm:
    """A server with only OpenAI's chat completions; `omits` are parameters that it refuses.

    `max_completion_tokens` limits new tokens, including those of hidden thoughts.
    """

    omits: frozenset[str] = field(default=frozenset[str]())
    wire: Wire = CHAT
    pictures: frozenset[str] | None = PICTURES

    @property
    def takes_n(self) -> bool:
        """Return whether one request may ask for several samples."""
        return "n" not in self.omits

    def body(self, ask: Ask) -> Body:
        """Return a request without the parameters that the model refuses."""
        body = _chat_body(ask) | {"max_completion_tokens": ask.most}
        return {name: value for name, value in body.items() if name not in self.omits}

    def choices(self, body: Body) -> list[Choice]:
        """Return all samples of a completion."""
        return read_choices(body)

    def tokens(self, body: Body) -> Tokens:
        """Return the server's counts."""
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
