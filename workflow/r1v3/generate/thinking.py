"""Applies thinking modes (sections 6.2 and 6.3) by changing the sampling, the same for every engine.

A mode may ban words, cap the new tokens (figure 9), or set a budget after which the thought is closed and the
answer is requested. The recipe's `thinking` section defines the modes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from r1v3.generate.types import Sampling
from r1v3.recipe.graph.configs import ThinkingChanges

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PIECE = 4  # letters; shorter pieces of words occur in many other words
EDGES = re.compile(r"^[\W_]+|[\W_]+$")


class Thinking:
    """Applies one thinking mode.

    Args:
        changes: what the mode changes; None for nothing. `close` has an effect only with `thought_tokens`.
        tokenizer: tokenizer of the model that answers; None if it is unknown, as for a closed model.

    Raises:
        ValueError: words are to be banned, and there is no tokenizer to find their ids.
    """

    def __init__(self, changes: ThinkingChanges | None, tokenizer: PreTrainedTokenizerBase | None):
        self.changes = changes or ThinkingChanges()
        words = self.changes.banned_words
        self.tokenizer = tokenizer
        self.banned: tuple[int, ...] = ()
        if words:
            if tokenizer is None:
                raise ValueError("thinking.banned_words needs the model's tokenizer, to ban ids")
            self.banned = word_ids(tokenizer, words)

    def __call__(self, sampling: Sampling) -> Sampling:
        """Return the sampling in this thinking mode."""
        changed = sampling
        if self.banned:
            banned = tuple(sorted({*sampling.banned, *self.banned}))
            changed = replace(changed, banned=banned)
        if self.changes.max_new_tokens is not None:
            changed = replace(changed, max_new_tokens=self.changes.max_new_tokens)
        if self.changes.thought_tokens is not None:
            thought, close = self.changes.thought_tokens, self.changes.close
            changed = replace(changed, thought_tokens=thought, close=close)
        return changed

    def ids_of(self, text: str) -> tuple[int, ...]:
        """Return the ids of a text; none if the tokenizer is unknown."""
        if self.tokenizer is None:
            return ()
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def word_ids(tokenizer: PreTrainedTokenizerBase, words: list[str]) -> tuple[int, ...]:
    """Return the ids of all tokens that write one of the words, in any case, with spaces or marks around it.

    If a spelling takes several tokens, its first piece with at least four letters is banned; the spelling
    cannot be written without it. A spelling in shorter pieces cannot be banned, and is reported.
    """
    wanted = {word.casefold() for word in words}
    special = set(tokenizer.all_special_ids)
    size = len(tokenizer)
    texts = tokenizer.batch_decode([[i] for i in range(size)])
    found = {
        i
        for i, text in enumerate(texts)
        if i not in special and EDGES.sub("", text).casefold() in wanted
    }
    left: set[str] = set()
    for word in words:
        for cased in {word, word.lower(), word.upper(), word.capitalize()}:
            for before, after in (
                ("", ""),
                (" ", ""),
                ("", " "),
                (" ", " "),
                ("\n", ""),
                ("", ","),
            ):
                ids = tokenizer(before + cased + after, add_special_tokens=False)["input_ids"]
                if found.isdisjoint(ids):
                    first = _first_long([i for i in ids if i not in special], texts)
                    found.update(first)
                    left |= set() if first else {cased}
    if left:
        print(
            f"thinking: spelt in short pieces, so not banned: {', '.join(sorted(left))}", flush=True
        )
    return tuple(sorted(found))


def _first_long(ids: list[int], texts: list[str]) -> list[int]:
    return [i for i in ids if sum(c.isalpha() for c in texts[i]) >= PIECE][:1]
