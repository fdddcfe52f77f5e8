"""Turns the words of questions into numbers: hashes of n-grams, and MinHash.

The words are those of the normalised text, with compatibility forms and case folded, and without markup,
punctuation and LaTeX's spacing. A Chinese, Japanese or Korean character is a word of its own. All functions
work on a batch of texts at once, in NumPy.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
MARKUP = re.compile(
    r"<image[ _]?\d*>|\\(?:left|right|mathrm|text|displaystyle|[,;!])(?![a-zA-Z])|<[^<>]{1,40}>"
)
REMEMBERED = 500_000  # number of words whose hashes are cached
SHINGLE = 3  # number of words in a shingle
BANDS, ROWS = 16, 4
BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Texts:
    """A batch of texts as hashes. Text t has the words `words[starts[t]:starts[t + 1]]`.

    Attributes:
        words: uint64, one per word.
        starts: int64, one more than the number of texts.
    """

    words: np.ndarray
    starts: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Return the number of words of each text."""
        return np.diff(self.starts)

    def __len__(self) -> int:
        return len(self.starts) - 1


class Words:
    """Turns texts into hashes of their words, and caches the hashes."""

    def __init__(self):
        self._known: dict[str, int] = {}

    def __call__(self, texts: Sequence[str]) -> Texts:
        known, flat, starts = self._known, [], [0]
        if len(known) > REMEMBERED:
            known.clear()
        for text in texts:
            for word in words(text):
                value = known.get(word)
                if value is None:
                    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                    value = known[word] = int.from_bytes(digest, "little")
                flat.append(value)
            starts.append(len(flat))
        return Texts(np.array(flat, dtype=np.uint64), np.array(starts, dtype=np.int64))


def words(text: str) -> list[str]:
    """Return the words of the normalised text."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return WORD.findall(MARKUP.sub(" ", text).casefold())


def grams(texts: Texts, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Hash all runs of n words, and return where each text's runs begin. A shorter text is one run.

    Returns:
        Hashes (uint64), and starts (int64, one more than the number of texts).
    """
    counts = np.where(texts.lengths >= n, texts.lengths - n + 1, np.minimum(texts.lengths, 1))
    starts = np.concatenate(([0], np.cumsum(counts)))
    total = int(starts[-1])
    owner = np.repeat(np.arange(len(texts)), counts)
    first = np.arange(total) - starts[owner] + texts.starts[owner]
    length = np.minimum(texts.lengths[owner], n)
    found = np.zeros(total, dtype=np.uint64)
    for offset in range(n):
        inside = offset < length
        word = texts.words[np.where(inside, first + offset, 0)] if total else found
        found = np.where(inside, found * BASE + word, found)
    return _mixed(found + length.astype(np.uint64)), starts


def _mixed(values: np.ndarray) -> np.ndarray:
    """Mix bits with the finaliser of splitmix64: every input bit changes every output bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def band_keys(hashes: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return MinHash keys in bands. Two texts that share a key are candidates.

    See Broder 1997; banding follows Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    For two texts with Jaccard similarity s, some key agrees with probability 1 - (1 - s^4)^16: 0.9998 at 0.8,
    0.64 at 0.5, 0.12 at 0.3.

    Returns:
        uint64 of shape (texts, BANDS); 0 in all bands of a text without words.
    """
    counts = np.diff(starts)
    filled = np.flatnonzero(counts)
    keys = np.zeros((len(counts), BANDS), dtype=np.uint64)
    if not len(filled):
        return keys
    rng = np.random.default_rng(8)
    factors = rng.integers(0, 2**63, size=(BANDS, ROWS), dtype=np.uint64) * 2 + 1
    begins = starts[filled]
    for band in range(BANDS):
        key = np.zeros(len(filled), dtype=np.uint64)
        for factor in factors[band]:
            least = np.minimum.reduceat((hashes * factor) >> np.uint64(32), begins)
            key = key * BASE + least
        keys[filled, band] = _mixed(key)
    return keys


def jaccard(one: np.ndarray, other: np.ndarray) -> float:
    """Return the shared part of all shingles of two texts; `one` and `other` are sorted and distinct."""
    if not len(one) or not len(other):
        return 0.0
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
