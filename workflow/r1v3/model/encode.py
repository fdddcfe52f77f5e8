"""From a question with pictures to token ids and tiles, by the model's own processor."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from r1v3.model.processor import ImageProcessor

MARKER = "<image>"
# What Pillow raises for broken files, by format.
UNREADABLE = (OSError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError)


@dataclass(frozen=True)
class Encoded:
    """Token ids of a prompt and its tiles, float32 of shape (tiles, 3, side, side)."""

    prompt_ids: tuple[int, ...]
    tiles: torch.Tensor


@dataclass(frozen=True)
class EncodedOnDisk:
    """The same, with tiles that are made from the pictures whenever they are asked for."""

    prompt_ids: tuple[int, ...]
    encoder: "Encoder"
    pictures: tuple[Path, ...]

    @property
    def tiles(self) -> torch.Tensor:
        """Tiles, float32 of shape (tiles, 3, side, side)."""
        return self.encoder.tiles(list(self.pictures))[0]


class Encoder:
    """Encodes prompts; pictures are tiled as InternVL does, up to `max_tiles` and a thumbnail.

    Args:
        images: the recipe's `images` section.
    """

    def __init__(self, processor: ImageProcessor, images: dict):
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.images = images
        Image.MAX_IMAGE_PIXELS = images["max_pixels"]

    @property
    def never(self) -> tuple[int, ...]:
        """Ids of image tokens, which no engine may emit: the next forward pass would miss a picture."""
        return tuple(i for i in self.processor.image_token_ids if i is not None)

    @property
    def side(self) -> int:
        """Pixels of a tile's side."""
        return self.processor.image_processor.size["height"]

    def text_ids(self, text: str) -> tuple[int, ...]:
        """Token ids of text without pictures."""
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def prompt(self, text: str, pictures: list[Path | Image.Image]) -> Encoded:
        """Encode one rendered prompt; see `prompts`."""
        return self.prompts([text], [pictures])[0]

    def prompts(self, texts: list[str], pictures: list[list[Path | Image.Image]]) -> list[Encoded]:
        """Encode rendered prompts that hold one `<image>` marker per picture.

        Raises:
            ValueError: the numbers of markers and pictures differ, or a picture is too large or unreadable.
        """
        for text, own in zip(texts, pictures, strict=True):
            _check_markers(text, own)
        tiles, counts = self.tiles([picture for own in pictures for picture in own])
        joined, spans, first, part = [], [], 0, 0
        for text, own in zip(texts, pictures):
            numbers = range(first, first + len(own))
            spans.append(sum(counts[n] for n in numbers))
            shown = [
                self.processor.replace_image_token({"num_patches": counts}, n) for n in numbers
            ]
            pieces = text.split(MARKER)
            joined.append(pieces[0] + "".join(a + b for a, b in zip(shown, pieces[1:])))
            first += len(own)
        ids = self.tokenizer(joined, add_special_tokens=False)["input_ids"]
        encoded = []
        for own, count in zip(ids, spans):
            encoded.append(Encoded(tuple(own), tiles[part : part + count]))
            part += count
        return encoded

    def pictures(self, text: str, pictures: list[Path | Image.Image]) -> list[Image.Image]:
        """The pictures of one rendered prompt, read and in RGB.

        Raises:
            ValueError: the numbers of markers and pictures differ, or a picture is too large or unreadable.
        """
        _check_markers(text, pictures)
        return [_open(picture, self.images["max_pixels"]) for picture in pictures]

    def tiles(self, pictures: list[Path | Image.Image]) -> tuple[torch.Tensor, list[int]]:
        """Tiles of all pictures, one after another, and how many each has.

        Raises:
            ValueError: a picture cannot be read or is too large.
        """
        opened = [_open(picture, self.images["max_pixels"]) for picture in pictures]
        if not opened:
            return torch.zeros(0), []
        most = self.images["max_tiles"]
        batch = self.processor.image_processor(
            opened,
            crop_to_patches=most > 1,
            min_patches=self.images["min_tiles"],
            max_patches=most,
            return_tensors="np",
        )
        counts = [int(n) for n in batch.get("num_patches", [1] * len(opened))]
        return torch.from_numpy(np.asarray(batch["pixel_values"], dtype=np.float32)), counts


def _open(picture: Path | Image.Image, max_pixels: int) -> Image.Image:
    try:
        image = picture if isinstance(picture, Image.Image) else Image.open(picture)
        if image.width * image.height <= max_pixels:
            return image.convert("RGB")
    except UNREADABLE as problem:
        name = picture.name if isinstance(picture, Path) else "picture"
        raise ValueError(f"{name}: {problem or type(problem).__name__}") from problem
    raise ValueError(f"picture of {image.width} x {image.height} pixels; {max_pixels} allowed")


def _check_markers(text: str, pictures: list) -> None:
    if text.count(MARKER) != len(pictures):
        raise ValueError(f"{text.count(MARKER)} image markers for {len(pictures)} pictures")
