"""Makes a model of a few thousand parameters for many tests."""

from functools import cache

import torch
from PIL import Image

from r1v3.model.encode import Encoder
from r1v3.model.load import build_model
from r1v3.model.processor import build_processor
from r1v3.model.tokenizer import train_tokenizer
from r1v3.recipe.schema.data import Architecture
from r1v3.recipe.schema.recipe import Images, Template

IMAGES = Images(min_tiles=1, max_tiles=4, max_pixels=200_000)
TEMPLATE = Template(
    system="You are a helpful assistant.", user_role="human", assistant_role="assistant"
)
SIZES = Architecture(
    image_size=28,
    patch_size=7,
    vision_width=16,
    vision_layers=1,
    vision_heads=2,
    width=32,
    layers=2,
    heads=4,
    kv_heads=2,
    mlp_width=48,
    vocabulary=340,
    context=512,
    initial_spread=0.2,
)
WORDS = ["What is the sum? Wait, 3+4=7. Alternatively, 4+3=7. \\boxed{7} A. 1 B. 2"] * 3


@cache
def small_processor():
    """Return tokenizer and image processor of the small model."""
    tokenizer = train_tokenizer(WORDS, SIZES.vocabulary, SIZES.context)
    return build_processor(tokenizer, image_size=28, tokens_per_tile=4)


def small_encoder() -> Encoder:
    """Return an encoder that tiles pictures, so that prompts have one to five tiles."""
    return Encoder(small_processor(), IMAGES)


def small_model(seed: int = 0):
    """Return a new model; equal seeds give equal weights."""
    return build_model(SIZES, small_processor().tokenizer, seed=seed).eval()


def picture(seed: int, width: int = 28, height: int = 28) -> Image.Image:
    """Return a picture of noise."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (height, width, 3), generator=generator, dtype=torch.uint8)
    return Image.fromarray(pixels.numpy())
