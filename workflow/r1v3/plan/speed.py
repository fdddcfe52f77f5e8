"""Estimates seconds of training steps and of generation."""

import random
from dataclasses import dataclass

from r1v3.plan.costs import Device, Workload
from r1v3.plan.memory import cache_token
from r1v3.plan.shapes import ModelShape
from r1v3.train.core.flops import FlopCount


@dataclass(frozen=True)
class StepWork:
    """The work of a training step, over all devices.

    Attributes:
        lengths: tokens of each sequence.
        responses: number of predicted tokens.
        tiles: number of tiles of all pictures.
        passes: number of passes of one device.
    """

    lengths: list[int]
    responses: int
    tiles: int
    passes: int


def train_seconds(
    count: FlopCount,
    shape: ModelShape,
    work: StepWork,
    *,
    devices: int,
    device: Device,
    peak: float,
    recomputed: float,
) -> float:
    """Estimate the seconds of a training step.

    It is the time of matrix products, plus that of reading and writing values between them. Layers with
    gradient checkpointing are computed once more, which adds a third to forward and backward.

    Args:
        peak: operations a second of one device.
        recomputed: share of the layers that have gradient checkpointing.
    """
    again = 1 + recomputed / 3
    flops = again * count.batch(work.lengths, work.responses, work.tiles)
    floats = shape.layers * (8 * shape.width + 4 * shape.kv_width + 4 * shape.mlp_width)
    moved = again * TOUCHED * device.float_bytes * sum(work.lengths) * floats
    seconds = flops / (device.train_share * peak) + moved / (1e9 * device.bandwidth_gb)
    layers = shape.layers + shape.vision_layers
    return seconds / devices + work.passes * layers * device.layer_seconds


def draw_lengths(workload: Workload, count: int, limit: int, seed: int) -> list[int]:
    """Draw lengths of answers from a lognormal distribution with the workload's median, up to the limit."""
    draw = random.Random(seed)
    spread = workload.answer_spread
    return [
        max(1, min(limit, round(workload.answer_median * draw.lognormvariate(0, spread))))
        for _ in range(count)
    ]


# Number of times that a value which a layer keeps is read or written in forward and backward.
TOUCHED = 6


@dataclass(frozen=True)
class Decoding:
    """Seconds of one engine: in total, with less than a quarter of its rows busy, and for reading prompts."""

    seconds: float
    straggling: float
    prefill: float


@dataclass(frozen=True)
class EngineSize:
    """One engine, and the GPUs that it uses.

    Attributes:
        rows: most answers that decode at the same time.
        cache: bytes for keys and values, on all of the engine's GPUs together; 0 for no limit.
        peak: operations a second of one GPU.
    """

    rows: int
    gpus: int
    cache: float
    device: Device
    peak: float


def decoding_time(
    lengths: list[int], engine: EngineSize, *, shape: ModelShape, prompt: int, prompts: int
) -> Decoding:
    """Simulate generation with continuous batching: when a row ends, the next answer takes its place.

    A token takes the time to read weights, keys and values, or the time to multiply, whichever is longer.

    Args:
        lengths: tokens of each answer.
        prompt: tokens of a prompt; `prompts` of them are read.
    """
    device, gpus, peak = engine.device, engine.gpus, engine.peak
    share, kv, rows = device.decode_share, cache_token(shape), engine.rows
    if engine.cache:
        rows = min(rows, int(engine.cache // (kv * (prompt + sum(lengths) / len(lengths)))))
    rows = max(1, min(rows, len(lengths)))
    prefill = 2 * shape.all * prompt * prompts / (gpus * share * peak)
    waiting, running = list(reversed(lengths)), []
    seconds = straggling = 0.0
    while waiting or running:
        while waiting and len(running) < rows:
            running.append(waiting.pop())
        running.sort(reverse=True)
        steps, busy = running[-1], len(running)
        read = 2 * shape.all + busy * kv * (prompt + sum(lengths) / len(lengths) / 2)
        step = max(
            read / (gpus * 1e9 * device.bandwidth_gb * share),
            2 * shape.all * busy / (gpus * peak * share),
        )
        spent = steps * (step + shape.layers * device.decode_layer_seconds)
        seconds += spent
        straggling += spent if busy < rows / 4 else 0.0
        running = [left - steps for left in running if left > steps]
    return Decoding(seconds + prefill, straggling, prefill)
