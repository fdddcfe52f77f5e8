"""The plan beside measurements: training steps of small and medium models on this machine's processor."""

import math
from dataclasses import dataclass
from pathlib import Path

from r1v3.plan import memory
from r1v3.plan.costs import load_costs
from r1v3.plan.measure import measure
from r1v3.plan.shapes import build_meta, config_from_shape, flops_of, shape_of
from r1v3.plan.speed import train_seconds

EVERY = ["vision_tower", "connector", "llm"]


@dataclass(frozen=True)
class Compared:
    """Bytes at the most, and seconds a step: measured, and planned."""

    memory: float
    planned_memory: float
    seconds: float
    planned_seconds: float


def _case(vision: tuple, text: tuple, load: tuple, **more) -> dict:
    """A case of `measure`: sizes of both halves, and samples, passes, prompt and response tokens."""
    names = ("width", "layers", "heads")
    shape = {"vision": dict(zip(names, vision)), "text": dict(zip(names, text)), "patch_size": 14}
    shape["vision"] |= {"mlp_width": 4 * vision[0], "norm": "layer_norm", "qk_norm": False}
    shape["vision"]["bias"] = True
    shape["image_size"] = vision[3]
    extra = zip(("kv_heads", "mlp_width", "vocabulary"), text[3:])
    shape["text"] |= dict(extra) | {"tied": True}
    return {"shape": shape} | dict(zip(("samples", "passes", "prompt", "response"), load)) | more


# Vision: width, layers, heads, side in pixels. Text: width, layers, heads, key-value heads, MLP, words.
TINY = ((64, 2, 4, 56), (128, 3, 4, 2, 256, 800))
SMALL = ((192, 4, 4, 112), (256, 6, 4, 2, 704, 8000))
MEDIUM = ((384, 6, 6, 112), (512, 8, 8, 2, 1408, 32768))
LARGE = ((512, 8, 8, 112), (768, 12, 12, 2, 2048, 32768))
CASES = {
    "0.7M, the tiny recipe's": _case(*TINY, (32, 1, 50, 35)),
    "0.7M, a quarter": _case(*TINY, (8, 1, 50, 35)),
    "9M": _case(*SMALL, (4, 2, 80, 100)),
    "51M": _case(*MEDIUM, (2, 2, 40, 100)),
    "51M, long": _case(*MEDIUM, (4, 1, 40, 250)),
    "51M, checkpointed layers": _case(*MEDIUM, (4, 1, 40, 250), checkpointing=True),
    "51M, connector alone": _case(*MEDIUM, (2, 2, 40, 100), train=["connector"]),
    "126M": _case(*LARGE, (2, 1, 40, 150)),
}


def compare(root: Path, name: str) -> Compared:
    """Measure a case and plan it, for the machine's own peak."""
    case, costs = CASES[name], load_costs(root)
    found = measure(case)
    device, train = costs.devices["cpu"], case.get("train", EVERY)
    model = build_meta(config_from_shape(case["shape"]))
    shape, count = shape_of(model), case["samples"] * case["passes"]
    length = case["prompt"] + case["response"]
    checkpointed = case.get("checkpointing", False)
    parts = memory.training(
        shape,
        train=train,
        dtype="float32",
        parallel={"zero": None, "gradient_checkpointing": checkpointed},
        world=1,
        tokens=case["samples"] * length,
        responses=case["samples"] * case["response"],
        tiles=case["samples"],
        device=device,
        factors=costs.activations,
    )
    seconds = train_seconds(
        flops_of(model, train),
        shape,
        lengths=[length] * count,
        responses=count * case["response"],
        tiles=count,
        passes=case["passes"],
        devices=1,
        device=device,
        peak=found["peak"],
        recomputed=checkpointed,
    )
    assert math.isfinite(seconds)
    return Compared(found["memory"], sum(parts.values()), found["seconds"], seconds)
