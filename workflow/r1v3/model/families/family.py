"""What differs between families of models; each family is one file of this package."""

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
    """What the costs of pictures are planned in: InternVL's tile, or a square of as many tokens.

    Attributes:
        side: pixels.
        patches: what the vision tower computes, `layers` times.
        numbers: of its pixels, as they lie in memory.
    """

    side: int
    patches: int
    tokens: int
    numbers: int
    layers: int


class ImageProcessor(Protocol):
    """A family's processor: tokenizer, and from pictures to what the model sees.

    Pictures are counted in units: tiles, or patches at native resolution.

    Attributes:
        image_token, image_token_id: the token that stands for a part of a picture.
    """

    tokenizer: Any
    image_processor: Any
    image_token: str
    image_token_id: int

    @property
    def image_ids(self) -> tuple[int, ...]:
        """Ids of the tokens that stand for pictures, or begin or end one."""
        ...

    @property
    def shown(self) -> str:
        """What stands in a text for one picture, its image token written once."""
        ...

    @property
    def sent(self) -> str:
        """The same as vLLM takes it, which writes the rest itself."""
        ...

    def pixels(self, opened: list[Image.Image], images: Images) -> tuple[Pictures, list[int]]:
        """Pictures in RGB as the model takes them, and the units of each."""
        ...

    def units(self, height: int, width: int, images: Images) -> int:
        """Units of a picture of this size in pixels."""
        ...

    def tokens(self, units: int) -> int:
        """Image tokens of a picture of so many units."""
        ...

    def blank(self) -> Pictures:
        """The smallest picture, in the mean colour."""
        ...

    @property
    def unit_bytes(self) -> int:
        """Bytes of a unit in memory."""
        ...

    @property
    def side(self) -> int:
        """Pixels of the side of a square whose sixfold is a picture of usual size."""
        ...

    def arguments(self, images: Images) -> dict[str, Any]:
        """The recipe's limits as arguments, and attributes, of the library's image processor."""
        ...

    def save_pretrained(self, save_directory: str | PathLike[str]) -> Any:
        """Write the files that transformers and vLLM load."""
        ...


class Family(Protocol):
    """What the rest of this project asks of a family of models."""

    def model_class(self) -> type[PreTrainedModel]:
        """The library's class."""
        ...

    def load_processor(self, folder: Path) -> ImageProcessor:
        """The processor of a checkpoint folder."""
        ...

    def features(self, model: Any, pictures: Pictures) -> list[torch.Tensor]:
        """What the language model sees of pictures; each tensor ends with its width.

        The first takes the places of the image tokens. Others are added to the states of those tokens
        after the language model's first layers, one each.
        """
        ...

    def mask(self, mask: object, config: PreTrainedConfig) -> object:
        """An attention mask as the language model takes it."""
        ...

    def blank(self, config: PreTrainedConfig) -> Pictures:
        """The smallest picture, in the mean colour."""
        ...

    def tile(self, config: PreTrainedConfig) -> Tile:
        """What the costs of pictures are planned in."""
        ...

    def seeing(self, model: Any) -> list[nn.Module]:
        """The modules that pictures pass before the language model."""
        ...

    def unit_flops(
        self, config: PreTrainedConfig, tower: int, connector: int, seen: int, projected: int
    ) -> float:
        """Operations of a unit of a picture (`r1v3.train.core.flops`).

        Args:
            tower, connector: parameters of these groups.
            seen, projected: passes through them, backward ones included.
        """
        ...

    def inputs(self, prompt_ids: Sequence[int], pictures: Pictures) -> dict[str, torch.Tensor]:
        """What the library's own forward pass takes besides ids and mask, for one sequence."""
        ...
