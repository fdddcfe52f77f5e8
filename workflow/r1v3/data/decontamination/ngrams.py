"""What a question's words are, as numbers: n-grams that are equal where words are, and MinHash.

Words are those of the normalised text: compatibility forms and case folded, markup, punctuation and
LaTeX's spacing left out; a Chinese, Japanese or Korean character is a word of its own. Everything works on
a batch of texts at once, in NumPy.
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
REMEMBERED = 500_000  # words whose hash is kept
SHINGLE = 3  # words of a shingle
BANDS, ROWS = 16, 4
BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Texts:
    """A batch of texts as hashes; text t has words `words[starts[t]:starts[t + 1]]`.

    Attributes:
        words: uint64, one a word.
        starts: int64, one more than there are texts.
    """

    words: np.ndarray
    starts: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Words of each text."""
        return np.diff(self.starts)

    def __len__(self) -> int:
        return len(self.starts) - 1


class Words:
    """Turns texts into hashes of their words; remembers common ones."""

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
    """The words of the normalised text."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return WORD.findall(MARKUP.sub(" ", text).casefold())


def grams(texts: Texts, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of all runs of n words, and where each text's begin; a shorter text is one run as a whole.

    Returns:
        Hashes (uint64), and starts (int64, one more than there are texts).
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
    """The finaliser of splitmix64: every bit of the input moves every bit of the output."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def band_keys(hashes: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """MinHash in bands: two texts that share a key are candidates (Broder 1997; banding after
    Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4).

    Of two texts with Jaccard similarity s, some key agrees with probability 1 - (1 - s^4)^16: 0.9998 at
    0.8, 0.64 at 0.5, 0.12 at 0.3.

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
    """Shared of all shingles of two texts; `one` and `other` are sorted and without repeats."""
    if not len(one) or not len(other):
        return 0.0
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
