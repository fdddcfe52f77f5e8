"""Qwen2.5-VL and Qwen3-VL (dense): pictures at native resolution, whose tokens have three positions.

A picture is scaled so that its sides are multiples of a token's side, and cut into patches. `merge` x `merge`
patches become one token. Qwen3-VL's vision tower also sends features to the language model's first layers
(DeepStack). As for InternVL, the processors do not support videos, which would need torchvision.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import nn
from transformers import (
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor

from r1v3.base.json_file import read_model_json
from r1v3.model.families.family import Tile
from r1v3.model.pictures import Patches, Pictures
from r1v3.recipe.schema.recipe import Images

TILE = 16  # side in tokens of a "tile" in a recipe's limits: 256 tokens, as in InternVL


class PatchProcessor(Qwen2_5_VLProcessor):
    """The processor of both families, without videos. A unit of a picture is a patch.

    The library's two processors differ only in videos, and in the name in a saved one.
    """

    saved_as: ClassVar[str] = "Qwen2_5_VLProcessor"
    saved_videos: ClassVar[str] = "Qwen2VLVideoProcessor"

    @classmethod
    def get_attributes(cls):
        """Return the names of the parts that are saved and loaded."""
        return ["image_processor", "tokenizer"]

    def __init__(self, image_processor=None, tokenizer=None, **kwargs):
        super().__init__(image_processor, tokenizer, None, **kwargs)
        ends = ("<|vision_start|>", "<|vision_end|>")
        self.ends = tuple(self.tokenizer.convert_tokens_to_ids(end) for end in ends)

    @property
    def image_ids(self) -> tuple[int, ...]:
        """Return the ids of the tokens that represent, begin or end pictures or videos."""
        every = (self.image_token_id, self.video_token_id, *self.ends)
        return tuple(i for i in every if i is not None)

    @property
    def shown(self) -> str:
        """Return the text for one picture, with its image token written once."""
        return f"<|vision_start|>{self.image_token}<|vision_end|>"

    @property
    def sent(self) -> str:
        """Return the same text as `shown`: vLLM repeats the image token, and adds no ends."""
        return self.shown

    @property
    def factor(self) -> int:
        """Return the side, in pixels, of the square that becomes one token."""
        return self.image_processor.patch_size * self.image_processor.merge_size

    @property
    def side(self) -> int:
        """Return the side, in pixels, of a square that is a sixth of a usual picture: half a tile's side."""
        return TILE // 2 * self.factor

    @property
    def patch_numbers(self) -> int:
        """Return the numbers of a patch; a picture counts as `temporal_patch_size` equal frames."""
        pictures = self.image_processor
        return 3 * pictures.temporal_patch_size * pictures.patch_size**2

    @property
    def unit_bytes(self) -> int:
        """Return the bytes of a patch in memory."""
        return self.patch_numbers * torch.float32.itemsize

    def pixels(self, opened: list[Image.Image], images: Images) -> tuple[Patches, list[int]]:
        """Return the patches of RGB pictures, one picture after another, and the number of each.

        Raises:
            ValueError: a side is more than 200 times as long as the other.
        """
        batch = self.image_processor(opened, **self.arguments(images), return_tensors="np")
        grids = tuple((int(rows), int(columns)) for _, rows, columns in batch["image_grid_thw"])
        pixels_NF = torch.from_numpy(np.asarray(batch["pixel_values"], dtype=np.float32))
        return self._patches(pixels_NF, grids), [rows * columns for rows, columns in grids]

    def units(self, height: int, width: int, images: Images) -> int:
        """Return the number of patches of a picture of this size in pixels.

        Raises:
            ValueError: a side is more than 200 times as long as the other.
        """
        size = self.arguments(images)["size"]
        limits = {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]}
        return self.image_processor.get_number_of_image_patches(height, width, limits)

    def tokens(self, units: int) -> int:
        """Return the number of image tokens of so many patches."""
        return units // self.image_processor.merge_size**2

    def blank(self) -> Patches:
        """Return a picture of one token in the mean colour."""
        merge = self.image_processor.merge_size
        return self._patches(torch.zeros(merge**2, self.patch_numbers), ((merge, merge),))

    def arguments(self, images: Images) -> dict[str, dict[str, int]]:
        """Return the fewest and most pixels of a picture: the checkpoint's limits within the recipe's.

        Here a recipe counts in tiles of 256 tokens. Its `min_tiles` of 1 sets no limit.
        """
        own, tile = self.image_processor.size, (TILE * self.factor) ** 2
        longest = min(own["longest_edge"], images.max_tiles * tile)
        shortest = max(own["shortest_edge"], images.min_tiles * tile * (images.min_tiles > 1))
        return {"size": {"shortest_edge": min(shortest, longest), "longest_edge": longest}}

    def save_pretrained(self, save_directory, push_to_hub: bool = False, **kwargs):
        """Save so that the library's own processor, and therefore a vLLM server, loads it too.

        That processor requires settings for videos.
        """
        import json

        written = super().save_pretrained(save_directory, push_to_hub, **kwargs)
        settings = Path(save_directory) / "processor_config.json"
        processor: dict[str, Any] = read_model_json(settings) | {"processor_class": self.saved_as}
        settings.write_text(json.dumps(processor, indent=2, sort_keys=True) + "\n")
        own = processor["image_processor"]
        keys = ("image_mean", "image_std", "patch_size", "temporal_patch_size", "merge_size")
        videos = {"video_processor_type": self.saved_videos} | {key: own[key] for key in keys}
        target = Path(save_directory) / "video_preprocessor_config.json"
        target.write_text(json.dumps(videos, indent=2, sort_keys=True) + "\n")
        return written

    def _patches(self, pixels_NF: torch.Tensor, grids: tuple[tuple[int, int], ...]) -> Patches:
        return Patches(pixels_NF, grids, self.image_processor.merge_size, self.image_token_id)


class Qwen3PatchProcessor(PatchProcessor):
    """The same processor, saved under Qwen3-VL's name."""

    saved_as = "Qwen3VLProcessor"
    saved_videos = "Qwen3VLVideoProcessor"


class Qwen25VL:
    """The family of Qwen2.5-VL."""

    processor: ClassVar[type[PatchProcessor]] = PatchProcessor

    def model_class(self) -> type[PreTrainedModel]:
        """Return the library's class."""
        return Qwen2_5_VLForConditionalGeneration

    def load_processor(self, folder: Path) -> PatchProcessor:
        """Load a processor from a checkpoint folder (or a hub id already on disk)."""
        pictures = Qwen2VLImageProcessorPil.from_pretrained(folder)
        return self.processor(pictures, AutoTokenizer.from_pretrained(folder))

    def features(self, model: Any, pictures: Pictures) -> list[torch.Tensor]:
        """Return features of shape (tokens of all pictures, width) for the first layer, then deeper ones."""
        shown = _patches(pictures)
        seen = model.model.visual(shown.pixels_NF.to(model.dtype), grid_thw=shown.grid_thw)
        return [seen.pooler_output, *(getattr(seen, "deepstack_features", None) or [])]

    def mask(self, mask: object, config: PreTrainedConfig) -> object:
        """Return a mask by type of layer; sliding windows are refused (`r1v3.model.supported`)."""
        return {"full_attention": mask}

    def blank(self, config: Any) -> Patches:
        """Return a picture of one token in the mean colour."""
        vision = config.vision_config
        merge, frames = vision.spatial_merge_size, vision.temporal_patch_size
        numbers = vision.in_channels * frames * vision.patch_size**2
        zeros = torch.zeros(merge**2, numbers)
        return Patches(zeros, ((merge, merge),), merge, config.image_token_id)

    def tile(self, config: Any) -> Tile:
        """Return a square of 16 x 16 tokens."""
        vision = config.vision_config
        merge, patches = vision.spatial_merge_size, (TILE * vision.spatial_merge_size) ** 2
        numbers = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
        side = TILE * merge * vision.patch_size
        return Tile(side, patches, TILE**2, patches * numbers, vision.depth)

    def seeing(self, model: Any) -> list[nn.Module]:
        """Return the vision tower, which contains the connector."""
        return [model.model.visual]

    def unit_flops(
        self, config: Any, tower: int, connector: int, seen: int, projected: int
    ) -> float:
        """Count operations of a patch, without attention over whole pictures.

        That attention grows with the square of a picture's size, which a unit does not know. So the count is
        too low: by a tenth for pictures of a thousand patches. Attention within windows is counted.
        """
        vision = config.vision_config
        return (
            2 * tower * seen
            + 4 * vision.hidden_size * self.windowed(vision) * seen
            + 2 * connector / vision.spatial_merge_size**2 * projected
        )

    def windowed(self, vision: Any) -> int:
        """Return the patches of a window, summed over all layers with windows."""
        layers = vision.depth - len(vision.fullatt_block_indexes)
        return layers * (vision.window_size // vision.patch_size) ** 2

    def inputs(self, prompt_ids: Sequence[int], pictures: Pictures) -> dict[str, torch.Tensor]:
        """Return patches, their grids, and which tokens represent a picture, if there are any."""
        if not len(pictures):
            return {}
        shown = _patches(pictures)
        kinds = [[int(i == shown.image_token) for i in prompt_ids]]
        return {
            "pixel_values": shown.pixels_NF,
            "image_grid_thw": shown.grid_thw,
            "mm_token_type_ids": torch.tensor(kinds),
        }


class Qwen3VL(Qwen25VL):
    """The family of Qwen3-VL, dense."""

    processor = Qwen3PatchProcessor

    def model_class(self) -> type[PreTrainedModel]:
        """Return the library's class."""
        return Qwen3VLForConditionalGeneration

    def mask(self, mask: object, config: PreTrainedConfig) -> object:
        """Return the mask unchanged."""
        return mask

    def windowed(self, vision: Any) -> int:
        """Return 0, because every layer sees whole pictures."""
        return 0


def _patches(pictures: Pictures) -> Patches:
    if not isinstance(pictures, Patches):
        raise ValueError("Qwen-VL takes patches at native resolution, not tiles")
    return pictures
