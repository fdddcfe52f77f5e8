"""The interface of a family of models. Each family is one file of this package."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from r1v3.model.pictures import Pictures
from r1v3.recipe.schema.recipe import Images


@dataclass(frozen=True)
class Tile:
    """The unit in which the costs of pictures are planned: InternVL's tile, or a square of as many tokens.

    Attributes:
        side: length of a side, pixels.
        patches: number of patches that the vision tower computes in each of its `layers`.
        numbers: numbers of its pixels in memory.
    """

    side: int
    patches: int
    tokens: int
    numbers: int
    layers: int


class ImageProcessor(Protocol):
    """A family's processor: the tokenizer, and the conversion of pictures to the model's inputs.

    Pictures are counted in units: tiles, or patches at native resolution.

    Attributes:
        image_token, image_token_id: the token that represents a part of a picture.
    """

    tokenizer: Any
    image_processor: Any
    image_token: str
    image_token_id: int

    @property
    def image_ids(self) -> tuple[int, ...]:
        """Return the ids of the tokens that represent, begin or end a picture."""
        ...

    @property
    def shown(self) -> str:
        """Return the text for one picture, with its image token written once."""
        ...

    @property
    def sent(self) -> str:
        """Return the text for one picture in the form of vLLM, which adds the rest itself."""
        ...

    def pixels(self, opened: list[Image.Image], images: Images) -> tuple[Pictures, list[int]]:
        """Convert RGB pictures to the model's input, and return the number of units of each."""
        ...

    def units(self, height: int, width: int, images: Images) -> int:
        """Return the number of units of a picture of this size in pixels."""
        ...

    def tokens(self, units: int) -> int:
        """Return the number of image tokens of a picture with this number of units."""
        ...

    def blank(self) -> Pictures:
        """Return the smallest picture, in the mean colour."""
        ...

    @property
    def unit_bytes(self) -> int:
        """Return the bytes of a unit in memory."""
        ...

    @property
    def side(self) -> int:
        """Return the side, in pixels, of a square that is a sixth of a picture of usual size."""
        ...

    def arguments(self, images: Images) -> dict[str, Any]:
        """Return the recipe's limits as arguments, and attributes, of the library's image processor."""
        ...

    def save_pretrained(self, save_directory: str | PathLike[str]) -> Any:
        """Write the files that transformers and vLLM load."""
        ...


class Family(Protocol):
    """The operations that this project needs from a family of models."""

    def model_class(self) -> type[PreTrainedModel]:
        """Return the library's class."""
        ...

    def load_processor(self, folder: Path) -> ImageProcessor:
        """Load the processor of a checkpoint folder."""
        ...

    def features(self, model: Any, pictures: Pictures) -> list[torch.Tensor]:
        """Return the features of pictures for the language model; the last axis of each is its width.

        The first tensor replaces the image tokens. Others are added to the states of those tokens, one after
        each of the language model's first layers.
        """
        ...

    def mask(self, mask: object, config: PreTrainedConfig) -> object:
        """Return an attention mask in the form that the language model takes."""
        ...

    def blank(self, config: PreTrainedConfig) -> Pictures:
        """Return the smallest picture, in the mean colour."""
        ...

    def tile(self, config: PreTrainedConfig) -> Tile:
        """Return the unit in which the costs of pictures are planned."""
        ...

    def seeing(self, model: Any) -> list[nn.Module]:
        """Return the modules that pictures pass before the language model."""
        ...

    def unit_flops(
        self, config: PreTrainedConfig, tower: int, connector: int, seen: int, projected: int
    ) -> float:
        """Count the operations for one unit of a picture (`r1v3.train.core.flops`).

        Args:
            tower, connector: number of parameters of these groups.
            seen, projected: number of passes through them, including backward passes.
        """
        ...

    def inputs(self, prompt_ids: Sequence[int], pictures: Pictures) -> dict[str, torch.Tensor]:
        """Return the inputs of the library's own forward pass besides ids and mask, for one sequence."""
        ...
