"""The input of a reward model: a conversation that ends with the response, read from a request's JSON."""

import base64
import binascii
import io
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

Part = dict[str, str]
ROLES = ("system", "user", "assistant")


class Unreadable(ValueError):
    """A request that cannot be answered. The message says what is wrong."""


@dataclass(frozen=True)
class AskedConversation:
    """Turns in the form of a chat template, and their pictures in order."""

    turns: list[dict[str, Any]]
    pictures: list[Image.Image] = field(default_factory=list[Image.Image])

    @property
    def texts(self) -> list[str]:
        """Return all texts of the conversation."""
        return [part["text"] for turn in self.turns for part in turn["content"] if "text" in part]


def read_conversation(messages: object, max_pixels: int) -> AskedConversation:
    """Read a request's conversation in OpenAI's layout. Pictures must be `data:` URLs.

    Raises:
        Unreadable: it is not a conversation that ends with an assistant's turn, or a picture cannot be read.
    """
    if not isinstance(messages, list) or not messages:
        raise Unreadable("messages: a list of turns is expected")
    conversation = AskedConversation([])
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise Unreadable(f"messages: a role of {', '.join(ROLES)} is expected")
        content = message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(parts, list):
            raise Unreadable("content: a text or a list of parts is expected")
        read = [_read_part(part, conversation.pictures, max_pixels) for part in parts]
        conversation.turns.append({"role": message["role"], "content": read})
    if conversation.turns[-1]["role"] != "assistant":
        raise Unreadable("the last turn must be the assistant's: it is what is scored")
    return conversation


def _read_part(part: object, pictures: list[Image.Image], max_pixels: int) -> Part:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    if isinstance(part, dict) and part.get("type") == "image_url":
        link = part.get("image_url")
        url = link.get("url") if isinstance(link, dict) else link
        pictures.append(_read_picture(url, max_pixels))
        return {"type": "image"}
    raise Unreadable("content: parts of type text or image_url are expected")


def _read_picture(url: object, max_pixels: int) -> Image.Image:
    if not isinstance(url, str) or not url.startswith("data:") or ";base64," not in url:
        raise Unreadable("image_url: a data: URL in base64 is expected; nothing else is fetched")
    try:
        content = base64.b64decode(url.partition(";base64,")[2], validate=True)
        image = Image.open(io.BytesIO(content))
        if image.width * image.height > max_pixels:
            raise Unreadable(
                f"a picture of {image.width} x {image.height} pixels; {max_pixels} are allowed"
            )
        return image.convert("RGB")
    except (binascii.Error, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise Unreadable(f"a picture cannot be read: {error}") from None
