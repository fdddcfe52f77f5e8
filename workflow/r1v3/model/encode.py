"""From a question with pictures to token ids and tiles, by the model's own processor."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from r1v3.model.processor import ImageProcessor

MARKER = "<image>"


@dataclass(frozen=True)
class Encoded:
    """Token ids of a prompt and its tiles, float32 of shape (tiles, 3, side, side)."""

    prompt_ids: tuple[int, ...]
    tiles: torch.Tensor


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

    def text_ids(self, text: str) -> tuple[int, ...]:
        """Token ids of text without pictures."""
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def prompt(self, text: str, pictures: list[Path | Image.Image]) -> Encoded:
        """Encode one rendered prompt; see `prompts`."""
        return self.prompts([text], [pictures])[0]

    def prompts(self, texts: list[str], pictures: list[list[Path | Image.Image]]) -> list[Encoded]:
        """Encode rendered prompts that hold one `<image>` marker per picture.

        Raises:
            ValueError: the numbers of markers and pictures differ, or a picture is too large.
            OSError: a picture cannot be read.
        """
        opened = [self.pictures(text, own) for text, own in zip(texts, pictures, strict=True)]
        tiles, counts = self._tiles([picture for own in opened for picture in own])
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
            ValueError: the numbers of markers and pictures differ, or a picture is too large.
            OSError: a picture cannot be read.
        """
        if text.count(MARKER) != len(pictures):
            raise ValueError(f"{text.count(MARKER)} image markers for {len(pictures)} pictures")
        return [_open(picture, self.images["max_pixels"]) for picture in pictures]

    def _tiles(self, opened: list[Image.Image]) -> tuple[torch.Tensor, list[int]]:
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
    image = picture if isinstance(picture, Image.Image) else Image.open(picture)
    if image.width * image.height > max_pixels:
        raise ValueError(f"picture of {image.width} x {image.height} pixels; {max_pixels} allowed")
    return image.convert("RGB")
