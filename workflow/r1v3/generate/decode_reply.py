"""Decodes a row of tokens to text, and finds out why the row ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def decode_reply(
    tokenizer: PreTrainedTokenizerBase, ids: list[int], stop_id: int, stop: tuple[str, ...]
) -> tuple[str, str]:
    """Return the text before the end-of-turn token and any string of `stop`, and the finish reason."""
    stopped = bool(ids) and ids[-1] == stop_id
    text = str(tokenizer.decode(ids[:-1] if stopped else ids))
    ends = [found for string in stop if (found := text.find(string)) >= 0]
    return text[: min(ends)] if ends else text, "stop" if stopped or ends else "length"
