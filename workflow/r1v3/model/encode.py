"""Encodes a question with pictures as token ids and tiles or patches, with the model's own processor."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from r1v3.base.image_errors import IMAGE_ERRORS
from r1v3.model.pictures import Pictures, join
from r1v3.model.processor import ImageProcessor
from r1v3.model.prompt_template import IMAGE_MARKER
from r1v3.recipe.schema.recipe import Images

DECODED = 2**24  # pixels that are decoded before they become tiles, not counting the last picture


@dataclass(frozen=True)
class Encoded:
    """Token ids of a prompt, and its pictures as tiles, or as patches with their grids."""

    prompt_ids: tuple[int, ...]
    tiles: Pictures


@dataclass(frozen=True)
class EncodedOnDisk:
    """The same, except that tiles are made from the picture files each time they are needed."""

    prompt_ids: tuple[int, ...]
    encoder: "Encoder"
    pictures: tuple[Path, ...]

    @property
    def tiles(self) -> Pictures:
        """Return tiles or patches."""
        return self.encoder.tiles(list(self.pictures))[0]


EncodedPrompt: TypeAlias = Encoded | EncodedOnDisk


class Encoder:
    """Encodes prompts with the processor of the model's family.

    Below, "tiles" means the family's unit: InternVL's tiles, or patches at native resolution.

    Args:
        images: how many tiles a picture becomes, and how large it may be.
    """

    def __init__(self, processor: ImageProcessor, images: Images):
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.images = images
        Image.MAX_IMAGE_PIXELS = images.max_pixels

    @property
    def never(self) -> tuple[int, ...]:
        """Return the ids of image tokens. An engine must not emit them, since they would lack a picture."""
        return self.processor.image_ids

    @cached_property
    def control(self) -> dict[int, str]:
        """Return every control token by its id: ends of turns, image tokens, other special tokens."""
        added = self.tokenizer.added_tokens_decoder.items()
        return {i: token.content for i, token in added if token.special}

    def text_ids(self, text: str) -> tuple[int, ...]:
        """Return the token ids of a text without pictures."""
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def plain_ids(self, text: str) -> tuple[int, ...]:
        """Return the token ids of a text that was not cleaned.

        Raises:
            ValueError: the text contains a control token.
        """
        ids = self.text_ids(text)
        if found := [self.control[i] for i in ids if i in self.control]:
            raise ValueError(f"control tokens in the text: {', '.join(sorted(set(found)))}")
        return ids

    def prompt(self, text: str, pictures: Sequence[Path | Image.Image]) -> Encoded:
        """Encode one rendered prompt; see `prompts`."""
        return self.prompts([text], [pictures])[0]

    def prompts(
        self, texts: list[str], pictures: Sequence[Sequence[Path | Image.Image]]
    ) -> list[Encoded]:
        """Encode rendered prompts that have one `<image>` marker for each picture.

        Raises:
            ValueError: the numbers of markers and pictures differ, or a picture is too large or unreadable.
        """
        for text, own in zip(texts, pictures, strict=True):
            _check_markers(text, own)
        tiles, every = self.tiles([picture for own in pictures for picture in own])
        rest = iter(every)
        counts = [[next(rest) for _ in own] for own in pictures]
        encoded, first = [], 0
        for ids, own in zip(self.prompt_ids(texts, counts), counts):
            encoded.append(Encoded(ids, tiles[first : first + sum(own)]))
            first += sum(own)
        return encoded

    def prompt_ids(self, texts: list[str], counts: list[list[int]]) -> list[tuple[int, ...]]:
        """Return the token ids of rendered prompts whose pictures become `counts` tiles.

        Each picture is tokenized as a single token, which is then repeated as often as its tiles need.
        Tokenizing 12 tiles of 256 tokens as text would cost more than everything else.

        Raises:
            ValueError: the numbers of markers and pictures differ, or a text contains image tokens itself.
        """
        for text, own in zip(texts, counts, strict=True):
            _check_markers(text, own)
        marked = [text.replace(IMAGE_MARKER, self.processor.shown) for text in texts]
        found = self.tokenizer(marked, add_special_tokens=False)["input_ids"]
        return [self._spread(ids, own) for ids, own in zip(found, counts)]

    def _spread(self, ids: list[int], counts: list[int]) -> tuple[int, ...]:
        image, first, spread = self.processor.image_token_id, 0, []
        if ids.count(image) != len(counts):
            raise ValueError(f"{ids.count(image)} image tokens for {len(counts)} pictures")
        for count in counts:
            place = ids.index(image, first)
            spread += ids[first:place] + [image] * self.processor.tokens(count)
            first = place + 1
        return (*spread, *ids[first:])

    def pictures(self, text: str, pictures: Sequence[Path | Image.Image]) -> list[Image.Image]:
        """Read the pictures of one rendered prompt, in RGB.

        Raises:
            ValueError: the numbers of markers and pictures differ, or a picture is too large or unreadable.
        """
        _check_markers(text, pictures)
        return [_open(picture, self.images.max_pixels) for picture in pictures]

    def tiles(self, pictures: Sequence[Path | Image.Image]) -> tuple[Pictures, list[int]]:
        """Return the tiles of all pictures, one picture after another, and the number of tiles of each.

        Raises:
            ValueError: a picture cannot be read or is too large.
        """
        parts, counts, opened, decoded = [], [], [], 0
        for number, picture in enumerate(pictures, start=1):
            opened.append(_open(picture, self.images.max_pixels))
            decoded += opened[-1].width * opened[-1].height
            if number == len(pictures) or decoded > DECODED:
                tiles, own = self.processor.pixels(opened, self.images)
                parts, counts, opened, decoded = [*parts, tiles], counts + own, [], 0
        return join(parts), counts

    def tile_counts(self, pictures: list[Path]) -> list[int]:
        """Return how many tiles each picture becomes, from its header.

        Raises:
            ValueError: a header is unreadable, or its picture is too large or too narrow; names the picture.
        """
        return [self._tile_count(picture) for picture in pictures]

    def _tile_count(self, picture: Path) -> int:
        width, height = _read(picture, self.images.max_pixels, lambda image: image.size)
        try:
            return self.processor.units(height, width, self.images)
        except ValueError as error:
            raise ValueError(f"{picture}: {error}") from error

    def check(self, pictures: list[Path]) -> None:
        """Decode pictures only to find out whether they can be; JPEGs at an eighth of their size.

        Raises:
            ValueError: a picture cannot be read or is too large.
        """
        for picture in pictures:
            _read(picture, self.images.max_pixels, _decode)


def _open(picture: Path | Image.Image, max_pixels: int) -> Image.Image:
    return _read(picture, max_pixels, lambda image: image.convert("RGB"))


def _decode(image: Image.Image) -> None:
    image.draft("RGB", (1, 1))
    image.load()


def _read(picture: Path | Image.Image, max_pixels: int, take: Callable):
    """Return `take` of a picture that is not too large. Before that only its header is read."""
    try:
        held = isinstance(picture, Image.Image)
        with contextlib.nullcontext(picture) if held else Image.open(picture) as image:
            if image.width * image.height <= max_pixels:
                return take(image)
    except IMAGE_ERRORS as problem:
        name = picture.name if isinstance(picture, Path) else "picture"
        raise ValueError(f"{name}: {problem or type(problem).__name__}") from problem
    raise ValueError(f"picture of {image.width} x {image.height} pixels; {max_pixels} allowed")


def _check_markers(text: str, pictures: Sequence[object]) -> None:
    if text.count(IMAGE_MARKER) != len(pictures):
        raise ValueError(f"{text.count(IMAGE_MARKER)} image markers for {len(pictures)} pictures")
