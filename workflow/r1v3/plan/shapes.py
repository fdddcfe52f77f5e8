"""Models as shapes: made on the meta device, where 38B parameters take no memory."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from transformers import InternVLConfig, InternVLForConditionalGeneration, Qwen2Config
from transformers.models.internvl.configuration_internvl import InternVLVisionConfig

from r1v3.model.groups import grouped_parameters
from r1v3.recipe.errors import RecipeError, unknown
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.schema.data import Architecture
from r1v3.recipe.schema.recipe import Recipe
from r1v3.train.core.flops import FlopCount

SHAPES = Path("config") / "shapes.yaml"


@dataclass(frozen=True)
class Shape:
    """A model's sizes: parameters of each group, and what activations and keys and values follow from.

    `patches` and `image_tokens` are those of one tile, `side` its pixels.
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

    @property
    def all(self) -> int:
        return sum(self.parameters.values())

    def trained(self, groups: list[str]) -> int:
        return sum(self.parameters[group] for group in groups)


def shape_of(model) -> Shape:
    """The sizes of a model, which may lie on the meta device."""
    text, vision = model.config.text_config, model.config.vision_config
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    side = vision.image_size[0] // vision.patch_size[0]
    return Shape(
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
        vision_width=vision.hidden_size,
        vision_layers=vision.num_hidden_layers,
        patches=side * side + 1,
        image_tokens=model.config.image_seq_length,
        side=vision.image_size[0],
    )


def meta_model(recipe: Recipe, name: str, root: Path) -> InternVLForConditionalGeneration:
    """A model of the recipe, without weights.

    Raises:
        RecipeError: nobody wrote down the sizes of a model of the hub.
    """
    spec = recipe.models[name]
    if spec.source == "tuned":
        return meta_model(recipe, spec.start, root)
    if spec.source == "scratch":
        return build_meta(config_from_architecture(spec.architecture))
    shapes = read_yaml(Path(root) / SHAPES)
    if spec.id not in shapes:
        line = unknown("shape", spec.id, shapes)
        raise RecipeError([f"{SHAPES}: {line}"])
    return build_meta(config_from_shape(shapes[spec.id]))


def build_meta(config: InternVLConfig) -> InternVLForConditionalGeneration:
    """A model of these sizes whose tensors have shapes and nothing else; made once in a process."""
    return _build(config.to_json_string())


@lru_cache(maxsize=8)
def _build(text: str) -> InternVLForConditionalGeneration:
    with torch.device("meta"):
        return InternVLForConditionalGeneration(InternVLConfig.from_dict(json.loads(text)))


def config_from_shape(shape: dict) -> InternVLConfig:
    """The library's configuration of an entry of config/shapes.yaml."""
    vision, text = shape["vision"], shape["text"]
    side = shape["image_size"] // shape["patch_size"]
    return InternVLConfig(
        vision_config=InternVLVisionConfig(
            hidden_size=vision["width"],
            num_hidden_layers=vision["layers"],
            num_attention_heads=vision["heads"],
            intermediate_size=vision["mlp_width"],
            norm_type=vision["norm"],
            use_qk_norm=vision["qk_norm"],
            attention_bias=vision["bias"],
            image_size=shape["image_size"],
            patch_size=shape["patch_size"],
        ),
        text_config=Qwen2Config(
            vocab_size=text["vocabulary"],
            hidden_size=text["width"],
            num_hidden_layers=text["layers"],
            num_attention_heads=text["heads"],
            num_key_value_heads=text["kv_heads"],
            intermediate_size=text["mlp_width"],
            max_position_embeddings=32768,
            tie_word_embeddings=text["tied"],
        ),
        image_seq_length=(side // 2) ** 2,
        tie_word_embeddings=text["tied"],
    )


def config_from_architecture(sizes: Architecture) -> InternVLConfig:
    """The configuration of a model from scratch; its tokenizer may end with fewer words."""
    vision = {"width": sizes.vision_width, "layers": sizes.vision_layers}
    vision |= {"heads": sizes.vision_heads, "mlp_width": 4 * sizes.vision_width}
    vision |= {"norm": "layer_norm", "qk_norm": False, "bias": True}
    text = {"width": sizes.width, "layers": sizes.layers, "heads": sizes.heads}
    text |= {"kv_heads": sizes.kv_heads, "mlp_width": sizes.mlp_width}
    text |= {"vocabulary": sizes.vocabulary, "tied": True}
    sides = {"image_size": sizes.image_size, "patch_size": sizes.patch_size}
    return config_from_shape({"vision": vision, "text": text} | sides)


def flops_of(model, trained: list[str]) -> FlopCount:
    """Operations of a training step, by the trainer's own count."""
    return FlopCount.of(model, trained)
