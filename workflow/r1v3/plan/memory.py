"""Memory of training and of generation, in bytes of one device, part by part.

Training keeps weights, gradients, AdamW's two averages and, for 16-bit weights, copies in 32 bits
(Rajbhandari et al. 2020, ZeRO, section 3); which part a rank holds is the ZeRO stage's. Activations are
a formula's times what was measured. Each function gives {part: bytes}.
"""

from r1v3.plan.costs import Activations, Device
from r1v3.plan.shapes import Shape
from r1v3.train.core.token_stats import LOGITS_AT_ONCE

GIB = 2**30
FLOAT = 4
# DeepSpeed's stage3_max_live_parameters, and its buckets of gathered and reduced gradients (its defaults).
LIVE = 1_000_000_000
BUCKETS = 2 * 500_000_000


def training(
    shape: Shape,
    *,
    train: list[str],
    dtype: str,
    parallel: dict,
    world: int,
    tokens: int,
    responses: int,
    tiles: int,
    device: Device,
    factors: Activations,
) -> dict[str, float]:
    """A training process.

    Args:
        tokens: of its longest pass; `responses` of these are predicted, and `tiles` lie in it.
    """
    size = 2 if dtype == "bfloat16" else FLOAT
    trained, zero = shape.trained(train), parallel["zero"] or 0
    parts = world if zero else 1
    masters = FLOAT * trained if size == 2 else 0
    gathered = 0
    if zero:
        copies = 1 if size == 2 else 0
        gathered = size * copies * BUCKETS
    if zero == 3:
        gathered += size * (min(LIVE, shape.all) + shape.largest)
    return {
        "process": device.base_gib * GIB + device.fixed_gib * GIB,
        "weights": size * shape.all / (world if zero == 3 else 1),
        "gradients": FLOAT * trained / parts,
        "optimizer": (8 * trained + masters) / parts,
        "gathered": gathered,
        "activations": activations(
            shape, train, size, parallel, tokens=tokens, tiles=tiles, factors=factors
        ),
        "logits": _logits(shape, train, size, responses, factors),
    }


def beside_engine(
    shape: Shape,
    parts: dict[str, float],
    *,
    train: list[str],
    dtype: str,
    parallel: dict,
    world: int,
) -> dict[str, float]:
    """What the trainer holds of a device while vLLM samples on it, after its cache was emptied.

    Its context and fragments stay, and so do weights, averages and the copies by which the weights' movement
    is measured. ZeRO keeps the buffer of its gradients; without it gradients are let go.

    Args:
        parts: of `training`.
    """
    size = 2 if dtype == "bfloat16" else FLOAT
    shards = world if parallel["zero"] == 3 else 1
    held = {name: parts[name] for name in ("process", "weights", "optimizer")}
    if parallel["zero"]:
        held["gradients"] = parts["gradients"]
    held["copies of the start and of the step before"] = 2 * size * shape.trained(train) / shards
    return held


def asleep(device: Device) -> float:
    """What a sleeping vLLM holds of a device: its context and kernels."""
    return device.base_gib * GIB


def activations(
    shape: Shape, train: list[str], size: int, parallel: dict, *, tokens, tiles, factors
) -> float:
    """What a pass keeps for its backward pass; with checkpointed layers each one's input and one layer."""
    layer = tokens * (8 * shape.width + 4 * shape.kv_width + 4 * shape.mlp_width) * factors.text
    patches = tiles * shape.patches
    vision = patches * 20 * shape.vision_width * factors.vision if "vision_tower" in train else 0
    if not parallel["gradient_checkpointing"]:
        return size * (shape.layers * layer + shape.vision_layers * vision)
    kept = shape.layers * tokens * shape.width
    kept += shape.vision_layers * patches * shape.vision_width if vision else 0
    return size * (kept + max(layer, vision))


def _logits(shape: Shape, train: list[str], size: int, responses: int, factors) -> float:
    chunk = min(4096, max(64, LOGITS_AT_ONCE // shape.vocabulary), responses)
    head = FLOAT * shape.vocabulary * shape.width if "llm" in train else 0
    return FLOAT * factors.logit_copies * chunk * shape.vocabulary + head


def held_samples(shape: Shape, samples: int, tiles: int) -> float:
    """Encoded samples in a process's memory: their tiles in 32 bits, and some 5 KB of text each."""
    return samples * (5000 + FLOAT * tiles * 3 * shape.side**2)


def cache_token(shape: Shape) -> float:
    """Bytes of the keys and values of one token, in 16 bits."""
    return 2 * 2 * shape.layers * shape.kv_width


def engine(
    shape: Shape, *, gpus: int, memory_gb: float, share: float, device: Device
) -> dict[str, float]:
    """A vLLM over `gpus`, on one of them: the weights' part, and what is left for keys and values."""
    process, weights = (device.base_gib + device.fixed_gib) * GIB, 2 * shape.all / gpus
    return {
        "process": process,
        "weights": weights,
        "keys and values": max(0.0, share * memory_gb * 1e9 - process - weights),
    }
