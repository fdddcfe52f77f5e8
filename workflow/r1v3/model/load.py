"""Loads, saves and builds checkpoint folders in Hugging Face's format."""

import contextlib
from pathlib import Path
from typing import Any, cast

import torch
from transformers import (
    InternVLConfig,
    InternVLForConditionalGeneration,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Config,
    modeling_utils,
)
from transformers.models.internvl.configuration_internvl import InternVLVisionConfig

from r1v3.base.atomic_write import atomic_folder
from r1v3.model.families import family_of_folder
from r1v3.model.processor import ImageProcessor, load_processor
from r1v3.model.tokenizer import IMAGE_CONTEXT
from r1v3.recipe.schema.data import Architecture

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def load_model(folder: Path, *, dtype: str = "float32", device: str = "cpu") -> PreTrainedModel:
    """Load a model's weights from safetensors, without remote code.

    Raises:
        ValueError: the model's family is not supported.
        RuntimeError: a weight is missing or unknown. The library only warns of that.
    """
    loaded = (
        family_of_folder(folder)
        .model_class()
        .from_pretrained(
            folder, dtype=DTYPES[dtype], use_safetensors=True, output_loading_info=True
        )
    )
    # The library's types say that only the model is returned, which is true without `output_loading_info`.
    model, info = cast("tuple[Any, dict[str, Any]]", loaded)
    wrong = {key: sorted(names) for key, names in info.items() if names and key != "error_msgs"}
    if wrong or info.get("error_msgs"):
        raise RuntimeError(
            f"{folder} does not hold this model's weights: {wrong or info['error_msgs']}"
        )
    return model.to(device)


def save_checkpoint(
    model, processor: ImageProcessor, folder: Path, *, weights: dict | None = None
) -> None:
    """Save model and processor so that transformers and vLLM load them; the folder is renamed when complete.

    Args:
        weights: the state dict, if the model itself holds only a part of it.
    """
    with atomic_folder(folder) as partial:
        with _unwrapped():
            model.save_pretrained(partial, state_dict=weights, save_original_format=False)
        processor.save_pretrained(partial)


@contextlib.contextmanager
def _unwrapped():
    """Skip transformers' search for a wrapper, which would import DeepSpeed and take a second or more."""
    found = modeling_utils.unwrap_model
    modeling_utils.unwrap_model = lambda model: model
    try:
        yield
    finally:
        modeling_utils.unwrap_model = found


def build_model(
    sizes: Architecture, tokenizer: PreTrainedTokenizerBase, *, seed: int
) -> InternVLForConditionalGeneration:
    """Build an InternVL of the given sizes with random weights."""
    spread = sizes.initial_spread
    side = sizes.image_size // sizes.patch_size
    vision = InternVLVisionConfig(
        hidden_size=sizes.vision_width,
        num_hidden_layers=sizes.vision_layers,
        num_attention_heads=sizes.vision_heads,
        intermediate_size=4 * sizes.vision_width,
        image_size=sizes.image_size,
        patch_size=sizes.patch_size,
        attention_bias=True,
        initializer_range=spread,
        layer_scale_init_value=1.0,
    )
    text = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=sizes.width,
        intermediate_size=sizes.mlp_width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.kv_heads,
        max_position_embeddings=sizes.context,
        initializer_range=spread,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=_one_id(tokenizer.eos_token_id),
        pad_token_id=_one_id(tokenizer.pad_token_id),
    )
    config = InternVLConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=_one_id(tokenizer.convert_tokens_to_ids(IMAGE_CONTEXT)),
        image_seq_length=(side // 2) ** 2,
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    model = InternVLForConditionalGeneration(config)
    with torch.no_grad():
        model.model.vision_tower.embeddings.position_embeddings.normal_(std=spread)
    return model


def _one_id(found: object) -> int:
    """Return the id of a token, where the library's types would allow several."""
    assert isinstance(found, int), found
    return found


__all__ = ["DTYPES", "build_model", "load_model", "load_processor", "save_checkpoint"]
