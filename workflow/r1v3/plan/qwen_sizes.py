"""Sizes of a Qwen-VL model from config/shapes.yaml, and the library's configuration for them."""

from typing import Any, Literal

from transformers import PreTrainedConfig

from r1v3.model.families import library_config
from r1v3.recipe.schema.section import Positive, Section


class QwenVisionSizes(Section):
    """Sizes of a vision tower."""

    width: Positive
    """Features."""
    layers: Positive
    """Layers."""
    heads: Positive
    """Attention heads."""
    mlp_width: Positive
    """Features inside a feed-forward layer."""
    patch_size: Positive
    """Side of a patch, in pixels."""
    whole: list[int] = []
    """Qwen2.5-VL's layers that see the whole picture, not a window."""
    deepstack: list[int] = []
    """Qwen3-VL's layers that speak to the language model too."""
    positions: Positive = 2304
    """Learned positions of Qwen3-VL's tower."""


class QwenTextSizes(Section):
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
    head_width: Positive = 128
    """Features of a head of Qwen3-VL."""


class QwenSizes(Section):
    """An entry of config/shapes.yaml that names a family."""

    family: Literal["qwen2_5_vl", "qwen3_vl"]
    """The family of the model."""
    vision: QwenVisionSizes
    """The vision tower."""
    text: QwenTextSizes
    """The language model."""


def config_from_qwen_sizes(sizes: QwenSizes) -> PreTrainedConfig:
    """Make the library's configuration of a model with these sizes."""
    vision, text = sizes.vision, sizes.text
    tower: dict[str, Any] = {
        "depth": vision.layers,
        "hidden_size": vision.width,
        "num_heads": vision.heads,
        "intermediate_size": vision.mlp_width,
        "out_hidden_size": text.width,
        "patch_size": vision.patch_size,
    }
    language: dict[str, Any] = {
        "vocab_size": text.vocabulary,
        "hidden_size": text.width,
        "num_hidden_layers": text.layers,
        "num_attention_heads": text.heads,
        "num_key_value_heads": text.kv_heads,
        "intermediate_size": text.mlp_width,
        "tie_word_embeddings": text.tied,
    }
    if sizes.family == "qwen2_5_vl":
        tower["fullatt_block_indexes"] = vision.whole
    else:
        tower["deepstack_visual_indexes"] = vision.deepstack
        tower["num_position_embeddings"] = vision.positions
        language["head_dim"] = text.head_width
    whole = {
        "vision_config": tower,
        "text_config": language,
        "tie_word_embeddings": text.tied,
    }
    return library_config(sizes.family).from_dict(whole)
