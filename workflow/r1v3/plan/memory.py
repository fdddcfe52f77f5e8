"""Memory of training and of generation, in bytes of one device, part by part.

Training holds weights, gradients, AdamW's two averages and, for 16-bit weights, 32-bit copies (Rajbhandari et
al. 2020, ZeRO, section 3). The ZeRO stage says which of these the ranks share. The memory of activations is
the result of a formula times a measured factor. Functions return {part: bytes}.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from r1v3.plan.costs import Activations, Device
from r1v3.plan.shapes import ModelShape
from r1v3.recipe.schema.training import Grpo, Lora, Sft
from r1v3.train.core.token_stats import LOGITS_AT_ONCE, chunk_of, chunk_on_card

GIB = 2**30
FLOAT = 4
# DeepSpeed's defaults: stage3_max_live_parameters, and the buckets of gathered and of reduced gradients.
LIVE = 1_000_000_000
BUCKETS = 2 * 500_000_000
SAMPLE_TEXT = 5000  # bytes of an encoded sample without its tiles


@dataclass(frozen=True)
class TrainingSetup:
    """The settings of a training stage that decide its memory.

    Attributes:
        train: module groups that train.
        zero: the ZeRO stage; None if every process holds the whole model.
        checkpointing: share of the layers that are recomputed in the backward pass.
        world: number of training processes, one for each device.
        lora: adapters that replace the weights of some groups.
    """

    train: Sequence[str]
    dtype: str
    zero: Literal[2, 3] | None
    checkpointing: float
    world: int
    lora: Lora | None = None

    @classmethod
    def of(cls, settings: Sft | Grpo, world: int) -> "TrainingSetup":
        """Return the setup of a run with these settings on `world` devices."""
        parallel = settings.parallel
        return cls(
            train=settings.train,
            dtype=settings.dtype,
            zero=parallel.zero,
            checkpointing=parallel.gradient_checkpointing,
            world=world,
            lora=settings.lora,
        )

    @property
    def size(self) -> int:
        """Return the bytes of a weight."""
        return 2 if self.dtype == "bfloat16" else FLOAT

    @property
    def weight_shards(self) -> int:
        """Return how many devices share one copy of the weights."""
        return self.world if self.zero == 3 else 1


@dataclass(frozen=True)
class LargestPass:
    """The largest pass of a training process: its tokens, predicted tokens, and tiles."""

    tokens: int
    responses: int
    tiles: int


@dataclass(frozen=True)
class TrainingDevice:
    """The device of a training process.

    Attributes:
        factors: memory factors of the backward pass on it.
        card: memory of a GPU in bytes; 0 for a CPU.
    """

    device: Device
    factors: Activations
    card: float = 0.0


def training_parts(
    shape: ModelShape, setup: TrainingSetup, largest: LargestPass, on: TrainingDevice
) -> dict[str, float]:
    """Return what a training process holds on its device."""
    size, zero = setup.size, setup.zero
    trained = shape.trained(setup.train, setup.lora)
    parts = setup.world if zero else 1
    masters = FLOAT * trained if size == 2 else 0
    gathered = 0
    if zero:
        copies = 1 if size == 2 else 0
        gathered = size * copies * BUCKETS
    if zero == 3:
        gathered += size * (min(LIVE, shape.all) + shape.largest)
    whole = set(setup.train) - set(setup.lora.targets if setup.lora else ())
    return {
        "process": on.device.base_gib * GIB + on.device.fixed_gib * GIB,
        "weights": size * shape.all / setup.weight_shards,
        "gradients": FLOAT * trained / parts,
        "optimizer": (8 * trained + masters) / parts,
        "gathered": gathered,
        "activations": activation_bytes(
            shape,
            setup.train,
            size,
            checkpointing=setup.checkpointing,
            tokens=largest.tokens,
            tiles=largest.tiles,
            factors=on.factors,
        ),
        "logits": _logits(shape, whole, largest.responses, on.factors, on.card),
    }


def parts_beside_engine(
    shape: ModelShape, parts: dict[str, float], setup: TrainingSetup
) -> dict[str, float]:
    """Return what the trainer holds on a device while vLLM samples there, after emptying its cache.

    Context, weights, averages, and the copies that measure weight movement stay. ZeRO keeps its buffer of
    gradients; without ZeRO the gradients are freed.

    Args:
        parts: result of `training_parts`.
    """
    held = {name: parts[name] for name in ("process", "weights", "optimizer")}
    if setup.zero:
        held["gradients"] = parts["gradients"]
    held["copies of the start and of the step before"] = (
        2 * setup.size * shape.trained(setup.train, setup.lora) / setup.weight_shards
    )
    return held


def sleeping_engine(device: Device) -> float:
    """Return the bytes that a sleeping vLLM holds on a device: its context and kernels."""
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
    """Return the bytes that a pass keeps for its backward pass.

    Of checkpointed layers that is the input of each, plus all of one layer.

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
    """Return the bytes of encoded samples in a process's memory: their tiles in 32 bits, and their text."""
    return samples * (SAMPLE_TEXT + FLOAT * tiles * shape.numbers)


def cache_token(shape: ModelShape) -> float:
    """Return the bytes of keys and values of one token, in 16 bits."""
    return 2 * 2 * shape.layers * shape.kv_width


def engine_parts(
    shape: ModelShape, *, gpus: int, memory_gb: float, share: float, device: Device
) -> dict[str, float]:
    """Return what vLLM holds on one of its `gpus` GPUs: a part of the weights; the rest of vLLM's share is
    for keys and values."""
    process, weights = (device.base_gib + device.fixed_gib) * GIB, 2 * shape.all / gpus
    return {
        "process": process,
        "weights": weights,
        "keys and values": max(0.0, share * memory_gb * 1e9 - process - weights),
    }
