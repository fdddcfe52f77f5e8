"""Counts the tokens of a request before it is sent: an estimate, and an upper bound.

Providers do not publish every tokenizer. So words are counted by a rule, which measurements on requests
correct (`r1v3.generate.server.forecast`). A byte-level tokenizer never writes more tokens than bytes.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from r1v3.base.image_errors import IMAGE_ERRORS
from r1v3.generate.types import Request
from r1v3.recipe.tables.prices import Price

PIECES = re.compile(r"\s?[^\W\d_]+|\d{1,3}|\s?(?:[^\w\s]|_)+|\s+")
LETTERS, MARKS, BYTES = 8, 3, 3  # of a token: in a plain word, in a run of marks, in other scripts
AROUND = 64  # most tokens that a provider adds around the turns


@dataclass(frozen=True)
class Tokens:
    """Tokens of a request and its reply; `prompt` includes those read from and written to a cache."""

    prompt: int
    new: int
    cached: int = 0
    written: int = 0

    def cost(self, price: Price, *, batch: bool = False) -> float:
        """Return the cost in the price's currency."""
        fresh = self.prompt - self.cached - self.written
        paid = fresh * price.input + self.cached * price.cached_input
        paid += self.written * price.cache_write + self.new * price.output
        return paid / 1e6 * (price.batch if batch else 1.0)


def count_text(text: str) -> int:
    """Estimate the tokens of a text by a rule."""
    return sum(map(_count_piece, PIECES.findall(text)))


def _count_piece(piece: str) -> int:
    if not piece.isascii():
        return math.ceil(len(piece.encode("utf-8", "replace")) / BYTES)
    bare = piece.strip()
    if not bare or bare.isdigit():
        return 1
    return math.ceil(len(bare) / (LETTERS if bare.isalpha() else MARKS))


def prompt_tokens(request: Request, price: Price) -> tuple[int, int]:
    """Return the estimated and the largest possible number of tokens of a prompt with its pictures.

    A picture that cannot be opened is never sent, so it counts 0.
    """
    pictures = sum(_picture_tokens(each, price) for each in request.images)
    bound = len(request.prompt.encode("utf-8", "replace")) + AROUND
    most_written = max(price.input, price.cache_write) / price.input
    return count_text(request.prompt) + pictures, math.ceil((bound + pictures) * most_written)


def _picture_tokens(picture: Path | Image.Image, price: Price) -> int:
    if isinstance(picture, Image.Image):
        return price.pictures.tokens(*picture.size)
    try:
        with Image.open(picture) as image:
            return price.pictures.tokens(*image.size)
    except IMAGE_ERRORS:
        return 0
