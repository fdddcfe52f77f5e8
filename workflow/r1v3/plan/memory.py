"""Memory of training and of generation, in bytes of one device, part by part.

Training keeps weights, gradients, AdamW's two averages and, for 16-bit weights, copies in 32 bits
(Rajbhandari et al. 2020, ZeRO, section 3). The ZeRO stage says which share of each a rank holds. Activations
are a formula's result times a measured factor. Each function gives {part: bytes}.
"""

from collections.abc import Collection, Sequence
from typing import Literal

from r1v3.plan.costs import Activations, Device
from r1v3.plan.shapes import ModelShape
from r1v3.recipe.schema.training import Lora
from r1v3.train.core.token_stats import LOGITS_AT_ONCE, chunk_of, chunk_on_card

GIB = 2**30
FLOAT = 4
# DeepSpeed's stage3_max_live_parameters, and its buckets of gathered and reduced gradients (its defaults).
LIVE = 1_000_000_000
BUCKETS = 2 * 500_000_000
SAMPLE_TEXT = 5000  # bytes of an encoded sample beside its tiles


def training_parts(
    shape: ModelShape,
    *,
    train: Sequence[str],
    dtype: str,
    zero: Literal[2, 3] | None,
    checkpointing: float,
    world: int,
    tokens: int,
    responses: int,
    tiles: int,
    device: Device,
    factors: Activations,
    card: float = 0.0,
    lora: Lora | None = None,
) -> dict[str, float]:
    """What a training process keeps.

    Args:
        train: the module groups that learn.
        zero: the ZeRO stage; None where every process holds the whole model.
        checkpointing: share of the layers that are computed again in the backward pass.
        tokens: of its longest pass; `responses` of these are predicted, and `tiles` lie in it.
        card: bytes of a GPU's memory; 0 on a processor.
        lora: adapters in place of some groups' weights.
    """
    size = 2 if dtype == "bfloat16" else FLOAT
    trained = shape.trained(train, lora)
    parts = world if zero else 1
    masters = FLOAT * trained if size == 2 else 0
    gathered = 0
    if zero:
        copies = 1 if size == 2 else 0
        gathered = size * copies * BUCKETS
    if zero == 3:
        gathered += size * (min(LIVE, shape.all) + shape.largest)
    whole = set(train) - set(lora.targets if lora else ())
    return {
        "process": device.base_gib * GIB + device.fixed_gib * GIB,
        "weights": size * shape.all / (world if zero == 3 else 1),
        "gradients": FLOAT * trained / parts,
        "optimizer": (8 * trained + masters) / parts,
        "gathered": gathered,
        "activations": activation_bytes(
            shape,
            train,
            size,
            checkpointing=checkpointing,
            tokens=tokens,
            tiles=tiles,
            factors=factors,
        ),
        "logits": _logits(shape, whole, responses, factors, card),
    }


def parts_beside_engine(
    shape: ModelShape,
    parts: dict[str, float],
    *,
    train: Sequence[str],
    dtype: str,
    zero: Literal[2, 3] | None,
    world: int,
    lora: Lora | None = None,
) -> dict[str, float]:
    """What the trainer keeps on a device while vLLM samples there, after it has emptied its cache.

    Its context, weights and averages stay, and so do the copies that measure how far the weights move. ZeRO
    keeps its buffer of gradients; without ZeRO the gradients are freed.

    Args:
        parts: of `training_parts`.
    """
    size = 2 if dtype == "bfloat16" else FLOAT
    shards = world if zero == 3 else 1
    held = {name: parts[name] for name in ("process", "weights", "optimizer")}
    if zero:
        held["gradients"] = parts["gradients"]
    held["copies of the start and of the step before"] = (
        2 * size * shape.trained(train, lora) / shards
    )
    return held


def sleeping_engine(device: Device) -> float:
    """Bytes of a device that a sleeping vLLM keeps: its context and kernels."""
    return device.base_gib * GIB


def activation_bytes(
    shape: ModelShape,
    train: Sequence[str],
    size: int,
    *,
    checkpointing: float,
    tokens: int,
    tiles: int,
    factors: Activations,
) -> float:
    """What a pass keeps for its backward pass; of checkpointed layers the input of each, and one layer.

    Args:
        size: bytes of a number.
    """
    layer = tokens * (8 * shape.width + 4 * shape.kv_width + 4 * shape.mlp_width) * factors.text
    patches = tiles * shape.patches
    vision = patches * 20 * shape.vision_width * factors.vision if "vision_tower" in train else 0
    whole = shape.layers * layer + shape.vision_layers * vision
    inputs = shape.layers * tokens * shape.width
    inputs += shape.vision_layers * patches * shape.vision_width if vision else 0
    one = max(layer, vision) if checkpointing else 0
    return size * (checkpointing * inputs + one + (1 - checkpointing) * whole)


def _logits(
    shape: ModelShape, whole: Collection[str], responses: int, factors: Activations, card: float
) -> float:
    words = shape.vocabulary
    chunk = chunk_on_card(words, card) if card else chunk_of(words, LOGITS_AT_ONCE)
    head = FLOAT * words * shape.width if "llm" in whole else 0
    return FLOAT * factors.logit_copies * min(chunk, responses) * words + head


def sample_bytes(shape: ModelShape, samples: int, tiles: int) -> float:
    """Encoded samples in a process's memory: their tiles in 32 bits, and their text."""
    return samples * (SAMPLE_TEXT + FLOAT * tiles * shape.numbers)


def cache_token(shape: ModelShape) -> float:
    """Bytes of the keys and values of one token, in 16 bits."""
    return 2 * 2 * shape.layers * shape.kv_width


def engine_parts(
    shape: ModelShape, *, gpus: int, memory_gb: float, share: float, device: Device
) -> dict[str, float]:
    """What one of the `gpus` of a vLLM holds: its part of the weights; the rest of vLLM's share is for keys
    and values."""
    process, weights = (device.base_gib + device.fixed_gib) * GIB, 2 * shape.all / gpus
    return {
        "process": process,
        "weights": weights,
        "keys and values": max(0.0, share * memory_gb * 1e9 - process - weights),
    }
