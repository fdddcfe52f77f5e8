"""Sizes of a Qwen-VL, as config/shapes.yaml states them, and the library's configuration of them."""

from typing import Any, Literal

from transformers import PreTrainedConfig

from r1v3.model.families import library_config
from r1v3.recipe.schema.section import Positive, Section


class QwenVisionSizes(Section):
    """Sizes of a vision tower, in features, layers, heads and pixels.

    Args:
        whole: Qwen2.5-VL's layers that see the whole picture, not a window.
        deepstack: Qwen3-VL's layers that speak to the language model too.
        positions: learned positions of Qwen3-VL's tower.
    """

    width: Positive
    layers: Positive
    heads: Positive
    mlp_width: Positive
    patch_size: Positive
    whole: list[int] = []
    deepstack: list[int] = []
    positions: Positive = 2304


class QwenTextSizes(Section):
    """Sizes of a language model, in features, layers, heads and words; `head_width` is Qwen3-VL's."""

    width: Positive
    layers: Positive
    heads: Positive
    kv_heads: Positive
    mlp_width: Positive
    vocabulary: Positive
    tied: bool
    head_width: Positive = 128


class QwenSizes(Section):
    """An entry of config/shapes.yaml that names a family."""

    family: Literal["qwen2_5_vl", "qwen3_vl"]
    vision: QwenVisionSizes
    text: QwenTextSizes


def config_from_qwen_sizes(sizes: QwenSizes) -> PreTrainedConfig:
    """The library's configuration of a model with these sizes."""
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
