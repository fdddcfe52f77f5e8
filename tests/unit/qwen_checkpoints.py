"""Makes Qwen2.5-VL and Qwen3-VL with a few thousand random weights, by their own classes."""

from functools import cache
from pathlib import Path

import torch
from model_fixtures import SIZES, WORDS
from tokenizers import AddedToken
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from r1v3.model.families.qwen_vl import PatchProcessor, Qwen3PatchProcessor
from r1v3.model.load import save_checkpoint
from r1v3.model.tokenizer import train_tokenizer

PICTURE_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
KINDS = ("qwen2_5_vl", "qwen3_vl")
PATCH, MERGE = 4, 2
# Heads of 32 features, since vLLM's attention on a CPU takes no smaller ones.
TEXT = {
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 48,
    "max_position_embeddings": 2048,
    "initializer_range": 0.2,
}
VISION = {
    "depth": 3,
    "hidden_size": 32,
    "num_heads": 2,
    "intermediate_size": 48,
    "out_hidden_size": 64,
    "patch_size": PATCH,
    "spatial_merge_size": MERGE,
    "initializer_range": 0.2,
}


@cache
def qwen_processor(kind: str) -> PatchProcessor:
    """Return a tokenizer with the families' picture tokens; patches have 4 pixels, and tokens 8."""
    words = train_tokenizer(WORDS, SIZES.vocabulary, 2048)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words.backend_tokenizer,
        eos_token=words.eos_token,
        pad_token=words.pad_token,
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )
    added = [AddedToken(token, special=True, normalized=False) for token in PICTURE_TOKENS]
    tokenizer.add_tokens(added, special_tokens=True)
    pictures = Qwen2VLImageProcessorPil(
        patch_size=PATCH, merge_size=MERGE, min_pixels=4 * 64, max_pixels=40 * 64
    )
    made = PatchProcessor if kind == "qwen2_5_vl" else Qwen3PatchProcessor
    return made(pictures, tokenizer)


def qwen_model(kind: str, seed: int = 0, *, tied: bool = True) -> PreTrainedModel:
    """Return a new model; equal seeds give equal weights."""
    tokenizer = qwen_processor(kind).tokenizer
    start, end, image, video = tokenizer.convert_tokens_to_ids(list(PICTURE_TOKENS))
    ids = {
        "image_token_id": image,
        "video_token_id": video,
        "vision_start_token_id": start,
        "vision_end_token_id": end,
        "tie_word_embeddings": tied,
    }
    words = {
        "vocab_size": len(tokenizer),
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": tied,
    }
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]}
    torch.manual_seed(seed)
    if kind == "qwen2_5_vl":
        vision = VISION | {"window_size": 16, "fullatt_block_indexes": [1]}
        text = TEXT | words | {"rope_parameters": rope}
        config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, **ids)
        return Qwen2_5_VLForConditionalGeneration(config).eval()
    vision = VISION | {"deepstack_visual_indexes": [0, 2], "num_position_embeddings": 16}
    text = TEXT | words | {"head_dim": 32, "rope_parameters": rope | {"mrope_interleaved": True}}
    config = Qwen3VLConfig(text_config=text, vision_config=vision, **ids)
    return Qwen3VLForConditionalGeneration(config).eval()


def write_qwen(folder: Path, kind: str, seed: int = 0) -> Path:
    """Write a checkpoint folder of that model."""
    save_checkpoint(qwen_model(kind, seed), qwen_processor(kind), folder)
    return folder
