"""Builds models on the meta device, where 38B parameters take no memory, to read their sizes."""

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args, overload

import torch
from pydantic import ValidationError
from transformers import (
    InternVLConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
)
from transformers.models.internvl.configuration_internvl import InternVLVisionConfig

from r1v3.model.families import family_of, library_config
from r1v3.model.groups import grouped_parameters
from r1v3.model.lora import adaptable_layers
from r1v3.plan.qwen_sizes import QwenSizes, config_from_qwen_sizes
from r1v3.recipe.errors import RecipeError, unknown
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.schema.data import Architecture
from r1v3.recipe.schema.recipe import Recipe
from r1v3.recipe.schema.section import Positive, Section
from r1v3.recipe.schema.training import Group, Lora

SHAPES = Path("config") / "shapes.yaml"


class VisionSizes(Section):
    """Sizes of a vision tower."""

    width: Positive
    """Features."""
    layers: Positive
    """Layers."""
    heads: Positive
    """Attention heads."""
    mlp_width: Positive
    """Features inside a feed-forward layer."""
    norm: Literal["layer_norm", "rms_norm"]
    """Kind of its norms."""
    qk_norm: bool
    """Whether queries and keys are normalised."""
    bias: bool
    """Whether attention has biases."""


class TextSizes(Section):
    """Sizes of a language model."""

    width: Positive
    """Features."""
    layers: Positive
    """Layers."""
    heads: Positive
    """Attention heads."""
    kv_heads: Positive
    """Heads that keys and values have."""
    mlp_width: Positive
    """Features inside a feed-forward layer."""
    vocabulary: Positive
    """Words of the embedding."""
    tied: bool
    """Whether the LM head is the embedding."""


class ModelSizes(Section):
    """The entry of an InternVL model in config/shapes.yaml."""

    vision: VisionSizes
    """The vision tower."""
    text: TextSizes
    """The language model."""
    image_size: Positive
    """Side of a tile, in pixels."""
    patch_size: Positive
    """Side of a patch, in pixels."""


@dataclass(frozen=True)
class ModelShape:
    """The sizes that decide memory and time: parameters of each group, and sizes of layers.

    `patches`, `image_tokens`, `side` and `numbers` are those of one `r1v3.model.families.family.Tile`.
    `sides` has for each group and each name of linear layers the sum of their input and output widths. An
    adapter of rank r on these layers has r times as many parameters.
    """

    parameters: dict[str, int]
    largest: int
    width: int
    layers: int
    mlp_width: int
    kv_width: int
    vocabulary: int
    vision_width: int
    vision_layers: int
    patches: int
    image_tokens: int
    side: int
    numbers: int
    sides: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def all(self) -> int:
        """Return the number of parameters of the whole model."""
        return sum(self.parameters.values())

    def trained(self, groups: Collection[str], lora: Lora | None = None) -> int:
        """Count the parameters of these groups that train; of a group with adapters, only the adapters'."""
        targets = {g: names for g, names in lora.targets.items() if g in groups} if lora else {}
        whole = sum(self.parameters[group] for group in groups if group not in targets)
        sides = sum(self.sides[group].get(name, 0) for group in targets for name in targets[group])
        return whole + (lora.rank * sides if lora else 0)


def model_shape(model: PreTrainedModel) -> ModelShape:
    """Return the shape of a model, which may be on the meta device."""
    text, tile = model.config.text_config, family_of(model.config).tile(model.config)
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return ModelShape(
        parameters={
            group: sum(p.numel() for _, p in own)
            for group, own in grouped_parameters(model).items()
        },
        largest=max(p.numel() for p in model.parameters()),
        width=text.hidden_size,
        layers=text.num_hidden_layers,
        mlp_width=text.intermediate_size,
        kv_width=text.num_key_value_heads * head,
        vocabulary=text.vocab_size,
        vision_width=model.config.vision_config.hidden_size,
        vision_layers=tile.layers,
        patches=tile.patches,
        image_tokens=tile.tokens,
        side=tile.side,
        numbers=tile.numbers,
        sides={group: _sides(model, group) for group in get_args(Group)},
    )


def _sides(model: PreTrainedModel, group: Group) -> dict[str, int]:
    found = Counter[str]()
    for name, layer in adaptable_layers(model, group).items():
        found[name.rpartition(".")[2]] += layer.in_features + layer.out_features
    return dict(found)


def meta_model(recipe: Recipe, name: str, root: Path) -> PreTrainedModel:
    """Build a model of the recipe without weights.

    Raises:
        RecipeError: config/shapes.yaml lacks a model of the hub, or its entry is wrong.
    """
    spec = recipe.models[name]
    if spec.source == "tuned":
        return meta_model(recipe, spec.start, root)
    if spec.source == "scratch":
        return build_meta(config_from_architecture(spec.architecture))
    return build_meta(config_from_sizes(read_sizes(root, spec.id)))


def read_sizes(root: Path, model: str) -> ModelSizes | QwenSizes:
    """Read the sizes of a model of the hub from config/shapes.yaml.

    Raises:
        RecipeError: the file lacks this model, or its entry is wrong.
    """
    shapes = read_yaml(Path(root) / SHAPES)
    if model not in shapes:
        raise RecipeError([f"{SHAPES}: {unknown('shape', model, shapes)}"])
    entry = shapes[model]
    kind = QwenSizes if isinstance(entry, dict) and "family" in entry else ModelSizes
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        raise RecipeError([f"{SHAPES}: {model}: {error}"]) from None


def build_meta(config: PreTrainedConfig) -> PreTrainedModel:
    """Build a model with these sizes on the meta device; a process builds each model once."""
    return _build(config.to_json_string())


def config_of(content: dict[str, Any]) -> PreTrainedConfig:
    """Return the library's configuration for the `config.json` of a supported family."""
    return library_config(content["model_type"]).from_dict(content)


@lru_cache(maxsize=8)
def _build(text: str) -> PreTrainedModel:
    config = config_of(json.loads(text))
    with torch.device("meta"):
        return family_of(config).model_class()(config)


@overload
def config_from_sizes(sizes: ModelSizes) -> InternVLConfig: ...


@overload
def config_from_sizes(sizes: ModelSizes | QwenSizes) -> PreTrainedConfig: ...


def config_from_sizes(sizes: ModelSizes | QwenSizes) -> PreTrainedConfig:
    """Return the library's configuration of a model with these sizes."""
    if isinstance(sizes, QwenSizes):
        return config_from_qwen_sizes(sizes)
    vision, text = sizes.vision, sizes.text
    side = sizes.image_size // sizes.patch_size
    return InternVLConfig(
        vision_config=InternVLVisionConfig(
            hidden_size=vision.width,
            num_hidden_layers=vision.layers,
            num_attention_heads=vision.heads,
            intermediate_size=vision.mlp_width,
            norm_type=vision.norm,
            use_qk_norm=vision.qk_norm,
            attention_bias=vision.bias,
            image_size=sizes.image_size,
            patch_size=sizes.patch_size,
        ),
        text_config=Qwen2Config(
            vocab_size=text.vocabulary,
            hidden_size=text.width,
            num_hidden_layers=text.layers,
            num_attention_heads=text.heads,
            num_key_value_heads=text.kv_heads,
            intermediate_size=text.mlp_width,
            max_position_embeddings=32768,
            tie_word_embeddings=text.tied,
        ),
        image_seq_length=(side // 2) ** 2,
        tie_word_embeddings=text.tied,
    )


def config_from_architecture(sizes: Architecture) -> InternVLConfig:
    """Return the configuration of a model from scratch; its tokenizer may end with fewer words."""
    vision = VisionSizes(
        width=sizes.vision_width,
        layers=sizes.vision_layers,
        heads=sizes.vision_heads,
        mlp_width=4 * sizes.vision_width,
        norm="layer_norm",
        qk_norm=False,
        bias=True,
    )
    text = TextSizes(
        width=sizes.width,
        layers=sizes.layers,
        heads=sizes.heads,
        kv_heads=sizes.kv_heads,
        mlp_width=sizes.mlp_width,
        vocabulary=sizes.vocabulary,
        tied=True,
    )
    return config_from_sizes(
        ModelSizes(
            vision=vision, text=text, image_size=sizes.image_size, patch_size=sizes.patch_size
        )
    )
