"""Critical tokens: where a model begins to reconsider, and how uncertain it is there (section 5.1).

A critical token is the first token of a critical word. Spacing, case and the split into tokens do not matter.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase
from transformers.convert_slow_tokenizer import bytes_to_unicode


class CriticalTokens:
    """Finds the first tokens of critical words and of sentences in sampled token ids.

    Args:
        tokenizer: a byte-level BPE tokenizer, such as InternVL's.
        words: matched as whole words, whatever their case.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, words: list[str]):
        self.tokenizer = tokenizer
        alternatives = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        self.pattern = re.compile(rf"\b(?:{alternatives})\b".encode(), re.IGNORECASE)
        self.sentence = re.compile(r"(?:^|[.!?]\s|[。！？\n])\s*(?=\w)")

    def words(self, token_ids: tuple[int, ...]) -> list[int]:
        """Return the positions of the tokens that hold the first letter of a critical word."""
        return self._positions(
            token_ids, lambda text: [m.start() for m in self.pattern.finditer(text)]
        )

    def sentences(self, token_ids: tuple[int, ...]) -> list[int]:
        """Return the positions of the tokens that begin a sentence.

        These are the first token, and those after the end of a line or a full stop. A full stop must be
        followed by a space, so that 3.14 is one number. A Chinese full stop needs no space.
        """
        return self._positions(token_ids, self._sentence_starts)

    def _sentence_starts(self, text: bytes) -> list[int]:
        """Return the offsets in bytes where sentences start."""
        # A response may end in the middle of a multi-byte character.
        letters = text.decode("utf-8", errors="surrogateescape")
        starts, seen, size = [], 0, 0
        for match in self.sentence.finditer(letters):
            size += len(letters[seen : match.end()].encode("utf-8", errors="surrogateescape"))
            seen = match.end()
            starts.append(size)
        return starts

    def _positions(
        self, token_ids: tuple[int, ...], find: Callable[[bytes], list[int]]
    ) -> list[int]:
        text, ends = _text(self.tokenizer, tuple(token_ids))
        starts = find(text)
        if not starts:
            return []
        return sorted({int(n) for n in np.searchsorted(ends, starts, side="right")})


@lru_cache(maxsize=4096)  # several readings use the same responses
def _text(
    tokenizer: PreTrainedTokenizerBase, token_ids: tuple[int, ...]
) -> tuple[bytes, NDArray[np.int64]]:
    """Return the bytes of a response, and where each token ends. Special tokens have no bytes."""
    special = _special(tokenizer)
    pieces = [b"" if i in special else _token_bytes(tokenizer, i) for i in token_ids]
    return b"".join(pieces), np.cumsum([len(piece) for piece in pieces])


def token_text(tokenizer: PreTrainedTokenizerBase, token_id: int) -> str:
    """Return a token's own text, without incomplete characters; a special token has none."""
    if token_id in _special(tokenizer):
        return ""
    return _token_bytes(tokenizer, token_id).decode("utf-8", errors="ignore")


@cache
def _special(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    return frozenset(tokenizer.all_special_ids)


@cache
def _byte_values() -> dict[str, int]:
    return {char: value for value, char in bytes_to_unicode().items()}


@cache
def _token_bytes(tokenizer: PreTrainedTokenizerBase, token_id: int) -> bytes:
    token: str | None = tokenizer.convert_ids_to_tokens(token_id)  # type: ignore[assignment]
    if token is None:  # the LM head may be wider than the vocabulary of the tokenizer
        return b""
    values = _byte_values()
    if all(char in values for char in token):
        return bytes(values[char] for char in token)
    return token.encode()
