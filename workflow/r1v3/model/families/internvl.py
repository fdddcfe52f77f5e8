"""InternVL: pictures become square tiles with the same number of tokens each, at positions like text.

The library's own `InternVLProcessor` needs torchvision for videos. Without torchvision, `AutoProcessor`
silently returns only a tokenizer. This subclass does not support videos, and uses the PIL image processor.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from transformers import (
    AutoTokenizer,
    GotOcr2ImageProcessorPil,
    InternVLForConditionalGeneration,
    PreTrainedConfig,
)
from transformers.models.internvl.processing_internvl import InternVLProcessor

from r1v3.base.json_file import read_model_json
from r1v3.model.families.family import Tile
from r1v3.model.pictures import Patches, Pictures
from r1v3.recipe.schema.recipe import Images

IMAGE_MEAN, IMAGE_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class TileProcessor(InternVLProcessor):
    """InternVL's processor without videos."""

    @classmethod
    def get_attributes(cls):
        """Return the names of the parts that are saved and loaded."""
        return ["image_processor", "tokenizer"]

    def __init__(self, image_processor=None, tokenizer=None, image_seq_length=256, **kwargs):
        super().__init__(
            image_processor, tokenizer, None, image_seq_length=image_seq_length, **kwargs
        )

    @property
    def image_ids(self) -> tuple[int, ...]:
        """Return the ids of the tokens that represent, begin or end a picture."""
        return tuple(i for i in self.image_token_ids if i is not None)

    @property
    def shown(self) -> str:
        """Return the text for one picture, with its image token written once."""
        return self.start_image_token + self.image_token + self.end_image_token

    @property
    def sent(self) -> str:
        """Return the text for one picture in the form of vLLM, which adds the rest itself."""
        return self.image_token

    @property
    def side(self) -> int:
        """Return the side of a tile in pixels."""
        return self.image_processor.size["height"]

    @property
    def unit_bytes(self) -> int:
        """Return the bytes of a tile in memory."""
        return 3 * self.side**2 * torch.float32.itemsize

    def pixels(self, opened: list[Image.Image], images: Images) -> tuple[torch.Tensor, list[int]]:
        """Return the tiles of RGB pictures, one picture after another, and the number of each."""
        batch = self.image_processor(opened, **self.arguments(images), return_tensors="np")
        counts = [int(n) for n in batch.get("num_patches", [1] * len(opened))]
        return torch.from_numpy(np.asarray(batch["pixel_values"], dtype=np.float32)), counts

    def units(self, height: int, width: int, images: Images) -> int:
        """Return the number of tiles of a picture of this size in pixels."""
        return self.image_processor.get_number_of_image_patches(
            height, width, self.arguments(images)
        )

    def tokens(self, units: int) -> int:
        """Return the number of image tokens of so many tiles."""
        return self.image_seq_length * units

    def blank(self) -> torch.Tensor:
        """Return a tile in the mean colour."""
        return torch.zeros(1, 3, self.side, self.side)

    def arguments(self, images: Images) -> dict[str, bool | int]:
        """Return the image processor's arguments for the recipe's `images` section."""
        return {
            "crop_to_patches": images.max_tiles > 1,
            "min_patches": images.min_tiles,
            "max_patches": images.max_tiles,
        }

    def save_pretrained(self, save_directory, push_to_hub: bool = False, **kwargs):
        """Save so that the library's own processor, and therefore a vLLM server, loads it too.

        That processor requires settings for videos.
        """
        import json

        written = super().save_pretrained(save_directory, push_to_hub, **kwargs)
        settings = Path(save_directory) / "processor_config.json"
        processor: dict[str, Any] = read_model_json(settings) | {
            "processor_class": "InternVLProcessor"
        }
        settings.write_text(json.dumps(processor, indent=2, sort_keys=True) + "\n")
        own = processor["image_processor"]
        videos = {"video_processor_type": "InternVLVideoProcessor"}
        videos |= {key: own[key] for key in ("size", "image_mean", "image_std")}
        target = Path(save_directory) / "video_preprocessor_config.json"
        target.write_text(json.dumps(videos, indent=2, sort_keys=True) + "\n")
        return written


def build_processor(tokenizer, *, image_size: int, tokens_per_tile: int) -> TileProcessor:
    """Build a processor for square tiles of `image_size` pixels."""
    pictures = GotOcr2ImageProcessorPil(
        size={"height": image_size, "width": image_size},
        image_mean=IMAGE_MEAN,
        image_std=IMAGE_STD,
        crop_to_patches=False,
    )
    return TileProcessor(pictures, tokenizer, image_seq_length=tokens_per_tile)


class InternVL:
    """The family of InternVL, HF-native."""

    def model_class(self) -> type[InternVLForConditionalGeneration]:
        """Return the library's class."""
        return InternVLForConditionalGeneration

    def load_processor(self, folder: Path) -> TileProcessor:
        """Load a processor from a checkpoint folder (or a hub id already on disk)."""
        tokenizer = AutoTokenizer.from_pretrained(folder)
        pictures = GotOcr2ImageProcessorPil.from_pretrained(folder)
        path = Path(folder) / "processor_config.json"
        length = read_model_json(path).get("image_seq_length") if path.exists() else None
        return TileProcessor(pictures, tokenizer, image_seq_length=length or 256)

    def features(self, model: Any, pictures: Pictures) -> list[torch.Tensor]:
        """Return features of shape (tiles, tokens of a tile, width)."""
        tiles = _tiles(pictures).to(model.dtype)
        return [model.model.get_image_features(pixel_values=tiles).pooler_output]

    def mask(self, mask: object, config: PreTrainedConfig) -> object:
        """Return a mask by type of layer for Qwen, and unchanged for Llama."""
        return mask if config.model_type == "llama" else {"full_attention": mask}

    def blank(self, config: Any) -> torch.Tensor:
        """Return a tile in the mean colour."""
        side = config.vision_config.image_size[0]
        return torch.zeros(1, 3, side, side)

    def tile(self, config: Any) -> Tile:
        """Return the size of a tile. The vision tower has one more patch, for the class token."""
        vision = config.vision_config
        side = vision.image_size[0]
        patches = (side // vision.patch_size[0]) ** 2 + 1
        tokens = config.image_seq_length
        return Tile(side, patches, tokens, 3 * side**2, vision.num_hidden_layers)

    def seeing(self, model: Any) -> list[nn.Module]:
        """Return vision tower and connector."""
        return [model.model.vision_tower, model.model.multi_modal_projector]

    def unit_flops(
        self, config: Any, tower: int, connector: int, seen: int, projected: int
    ) -> float:
        """Count operations of a tile: every patch sees every other, plus one for the class token."""
        vision = config.vision_config
        side = [s // p for s, p in zip(vision.image_size, vision.patch_size)]
        patches = side[0] * side[1] + 1
        width, heads = vision.hidden_size, vision.num_hidden_layers
        return (
            2 * tower * patches * seen
            + 4 * heads * width * patches**2 * seen
            + 2 * connector * config.image_seq_length * projected
        )

    def inputs(self, prompt_ids: Sequence[int], pictures: Pictures) -> dict[str, torch.Tensor]:
        """Return the tiles, if there are any."""
        return {"pixel_values": _tiles(pictures)} if len(pictures) else {}


def _tiles(pictures: Pictures) -> torch.Tensor:
    if isinstance(pictures, Patches):
        raise ValueError("InternVL takes tiles, not patches at native resolution")
    return pictures
