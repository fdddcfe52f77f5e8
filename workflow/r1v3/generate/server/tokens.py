"""Tokens of a request before it is sent: a count, and a number that is never exceeded.

Providers do not publish every tokenizer. Words are therefore counted by a rule, which measured requests
correct (`r1v3.generate.server.forecast`). A byte-level tokenizer writes no more tokens than bytes.
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
LETTERS, MARKS, BYTES = 8, 3, 3  # of a token: of a plain word, of a run of marks, of other scripts
AROUND = 64  # tokens that a provider may write around the turns


@dataclass(frozen=True)
class Tokens:
    """Tokens of a request and its reply; `prompt` holds those read from a cache and written into it."""

    prompt: int
    new: int
    cached: int = 0
    written: int = 0

    def cost(self, price: Price, *, batch: bool = False) -> float:
        """Money in the price's currency."""
        fresh = self.prompt - self.cached - self.written
        paid = fresh * price.input + self.cached * price.cached_input
        paid += self.written * price.cache_write + self.new * price.output
        return paid / 1e6 * (price.batch if batch else 1.0)


def count_text(text: str) -> int:
    """Tokens of a text, by rule."""
    return sum(map(_count_piece, PIECES.findall(text)))


def _count_piece(piece: str) -> int:
    if not piece.isascii():
        return math.ceil(len(piece.encode("utf-8", "replace")) / BYTES)
    bare = piece.strip()
    if not bare or bare.isdigit():
        return 1
    return math.ceil(len(bare) / (LETTERS if bare.isalpha() else MARKS))


def prompt_tokens(request: Request, price: Price) -> tuple[int, int]:
    """Tokens of a prompt with its pictures: counted, and at most.

    A picture that cannot be opened is never sent, and counts nothing.
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
