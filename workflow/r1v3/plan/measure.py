"""Measures what the plan predicts: seconds and peak memory of real training steps, in a fresh process.

    python -m r1v3.plan.measure '{"sizes": {...}, "passes": 2, "samples": 4, "prompt": 40, "response": 60}'

A model with random weights takes a few steps with the trainer's own engine, on packs of random tokens. The
seconds are CPU time, so that other work on the machine does not count. It prints one JSON line.
"""

import random
import subprocess
import sys
import time

import torch
from transformers import InternVLForConditionalGeneration

from r1v3.base.memory import peak_rss
from r1v3.model.packed import Group, pack_groups
from r1v3.plan.shapes import ModelSizes, config_from_sizes
from r1v3.recipe.schema.section import Positive, Section
from r1v3.recipe.schema.training import Group as ModuleGroup
from r1v3.recipe.schema.training import Optimizer, Parallel
from r1v3.train.core.engine import open_engine, prepare_model
from r1v3.train.core.flops import peak_flops
from r1v3.train.core.ranks import Ranks
from r1v3.train.sft.response_loss import PackedLoss


class Case(Section):
    """A training step of `passes` passes. Each has `samples` samples: a prompt, one tile and a response."""

    sizes: ModelSizes
    samples: Positive
    passes: Positive
    prompt: Positive
    response: Positive
    train: list[ModuleGroup] = ["vision_tower", "connector", "llm"]
    checkpointing: bool = False


class Measurement(Section):
    """`seconds` a step, `memory` (peak bytes), `base` (bytes before there was a model), and the machine's
    `peak` in operations a second."""

    seconds: float
    memory: float
    base: float
    peak: float


def measure(case: Case) -> Measurement:
    """Measure a case in a fresh process.

    Raises:
        subprocess.CalledProcessError: the process failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "r1v3.plan.measure", case.model_dump_json()],
        capture_output=True,
        text=True,
        check=True,
    )
    return Measurement.model_validate_json(done.stdout.splitlines()[-1])


def measure_here(case: Case) -> Measurement:
    """Measure a case in this process. Its peak memory may already be higher."""
    torch.set_num_threads(1)
    base = peak_rss()
    config = config_from_sizes(case.sizes)
    config.image_token_id = 0
    model = InternVLForConditionalGeneration(config)
    parallel = Parallel(
        engine="ranks",
        zero=None,
        pass_tokens=None,
        gradient_checkpointing=case.checkpointing,
        attention="sdpa",
    )
    optimizer = Optimizer(
        algorithm="adamw",
        learning_rate=1e-4,
        schedule="constant",
        warmup=0.0,
        betas=(0.9, 0.999),
        weight_decay=0.0,
        max_grad_norm=1.0,
    )
    prepare_model(model, case.train, parallel)
    engine = open_engine(
        model,
        PackedLoss(model),
        Ranks(0, 1),
        optimizer=optimizer,
        parallel=parallel,
        dtype="float32",
    )
    draw, words = random.Random(1), case.sizes.text.vocabulary
    side, seen = case.sizes.image_size, config.image_seq_length

    def ids(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(1, words) for _ in range(count))

    def group() -> Group:
        prompt = (0,) * seen + ids(case.prompt - seen)
        return Group(prompt, (ids(case.response),), torch.rand(1, 3, side, side))

    packs = [pack_groups([group() for _ in range(case.samples)]) for _ in range(case.passes)]
    tokens = case.passes * case.samples * case.response
    seconds: list[float] = []
    for _ in range(4):
        began = time.process_time()
        engine.zero_grad()
        for number, pack in enumerate(packs, start=1):
            engine.backward(engine(pack, tokens), last=number == len(packs))
        engine.reduce()
        engine.norms()
        engine.step(1e-4)
        seconds.append(time.process_time() - began)
    memory = peak_rss()
    return Measurement(
        seconds=min(seconds[1:]),
        memory=memory,
        base=base,
        peak=peak_flops(torch.device("cpu"), clock=time.process_time),
    )


if __name__ == "__main__":
    print(measure_here(Case.model_validate_json(sys.argv[1])).model_dump_json())
