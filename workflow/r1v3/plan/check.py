"""Compares the plan with measured training steps of small and medium models on this machine's CPU."""

import math
from dataclasses import dataclass
from pathlib import Path

from r1v3.plan import memory
from r1v3.plan.costs import load_costs
from r1v3.plan.measure import Case, measure
from r1v3.plan.shapes import (
    ModelSizes,
    TextSizes,
    VisionSizes,
    build_meta,
    config_from_sizes,
    model_shape,
)
from r1v3.plan.speed import StepWork, train_seconds
from r1v3.train.core.flops import FlopCount


@dataclass(frozen=True)
class CheckedCase:
    """Peak memory in bytes and seconds a step, both measured and planned."""

    memory: float
    planned_memory: float
    seconds: float
    planned_seconds: float


def _sizes(
    vision: tuple[int, int, int, int], text: tuple[int, int, int, int, int, int]
) -> ModelSizes:
    width, layers, heads, side = vision
    text_width, text_layers, text_heads, kv_heads, mlp_width, vocabulary = text
    return ModelSizes(
        vision=VisionSizes(
            width=width,
            layers=layers,
            heads=heads,
            mlp_width=4 * width,
            norm="layer_norm",
            qk_norm=False,
            bias=True,
        ),
        text=TextSizes(
            width=text_width,
            layers=text_layers,
            heads=text_heads,
            kv_heads=kv_heads,
            mlp_width=mlp_width,
            vocabulary=vocabulary,
            tied=True,
        ),
        image_size=side,
        patch_size=14,
    )


# Vision: width, layers, heads, side in pixels. Text: width, layers, heads, key-value heads, MLP, words.
TINY = _sizes((64, 2, 4, 56), (128, 3, 4, 2, 256, 800))
SMALL = _sizes((192, 4, 4, 112), (256, 6, 4, 2, 704, 8000))
MEDIUM = _sizes((384, 6, 6, 112), (512, 8, 8, 2, 1408, 32768))
LARGE = _sizes((512, 8, 8, 112), (768, 12, 12, 2, 2048, 32768))
LONG = Case(sizes=MEDIUM, samples=4, passes=1, prompt=40, response=250)
CASES = {
    "0.7M, the tiny recipe's": Case(sizes=TINY, samples=32, passes=1, prompt=50, response=35),
    "0.7M, a quarter": Case(sizes=TINY, samples=8, passes=1, prompt=50, response=35),
    "9M": Case(sizes=SMALL, samples=4, passes=2, prompt=80, response=100),
    "51M": Case(sizes=MEDIUM, samples=2, passes=2, prompt=40, response=100),
    "51M, long": LONG,
    "51M, checkpointed layers": LONG.model_copy(update={"checkpointing": True}),
    "51M, connector alone": Case(
        sizes=MEDIUM, samples=2, passes=2, prompt=40, response=100, train=["connector"]
    ),
    "126M": Case(sizes=LARGE, samples=2, passes=1, prompt=40, response=150),
}


def check_case(root: Path, name: str) -> CheckedCase:
    """Measure a case, and plan it with this machine's own peak."""
    case, costs = CASES[name], load_costs(root)
    found = measure(case)
    device = costs.devices["cpu"]
    model = build_meta(config_from_sizes(case.sizes))
    shape, count = model_shape(model), case.samples * case.passes
    length = case.prompt + case.response
    parts = memory.training_parts(
        shape,
        memory.TrainingSetup(case.train, "float32", None, case.checkpointing, world=1),
        memory.LargestPass(case.samples * length, case.samples * case.response, case.samples),
        memory.TrainingDevice(device, costs.activations),
    )
    seconds = train_seconds(
        FlopCount.of(model, case.train),
        shape,
        StepWork([length] * count, count * case.response, count, case.passes),
        devices=1,
        device=device,
        peak=found.peak,
        recomputed=case.checkpointing,
    )
    assert math.isfinite(seconds)
    return CheckedCase(found.memory, sum(parts.values()), found.seconds, seconds)
