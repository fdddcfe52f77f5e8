"""Measures what the plan predicts: seconds and peak memory of real training steps, in a process of its own.

    python -m r1v3.plan.measure '{"shape": {...}, "passes": 2, "samples": 4, "prompt": 40, "response": 60}'

A model of random weights takes a few steps with the trainer's own engine, on packs of random tokens. Seconds
are the processor's, so that a busy machine does not count twice. Prints one JSON line.
"""

import json
import random
import subprocess
import sys
import time


def measure(case: dict) -> dict:
    """Measure a case in a fresh process.

    Args:
        case: `shape` as in config/shapes.yaml; `samples` of `prompt` tokens, one tile and `response`
            tokens each in each of `passes`; `train`, the groups; `checkpointing`.

    Returns:
        `seconds` a step, `memory` in bytes at the most, `base` before there was a model, and the machine's
        `peak` in operations a second.
    """
    done = subprocess.run(
        [sys.executable, "-m", "r1v3.plan.measure", json.dumps(case)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _here(case: dict) -> dict:
    import torch

    from r1v3.base.memory import peak_rss
    from r1v3.model.packed import Group, pack_groups
    from r1v3.plan.shapes import config_from_shape
    from r1v3.recipe.schema.training import Optimizer, Parallel
    from r1v3.train.core.engine import open_engine, prepare_model
    from r1v3.train.core.flops import peak_flops
    from r1v3.train.core.ranks import Ranks
    from r1v3.train.sft.response_loss import PackedLoss

    torch.set_num_threads(1)
    from transformers import InternVLForConditionalGeneration

    base = peak_rss()
    config = config_from_shape(case["shape"])
    config.image_token_id = 0
    model = InternVLForConditionalGeneration(config)
    parallel = Parallel(
        engine="ranks",
        zero=None,
        pass_tokens=None,
        gradient_checkpointing=case.get("checkpointing", False),
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
    prepare_model(model, case.get("train", ["vision_tower", "connector", "llm"]), parallel)
    engine = open_engine(
        model,
        PackedLoss(model),
        Ranks(0, 1),
        optimizer=optimizer,
        parallel=parallel,
        dtype="float32",
    )
    draw, words = random.Random(1), config.text_config.vocab_size
    side, seen = config.vision_config.image_size[0], config.image_seq_length

    def ids(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(1, words) for _ in range(count))

    def group() -> Group:
        prompt = (0,) * seen + ids(case["prompt"] - seen)
        return Group(prompt, (ids(case["response"]),), torch.rand(1, 3, side, side))

    packs = [pack_groups([group() for _ in range(case["samples"])]) for _ in range(case["passes"])]
    tokens = case["passes"] * case["samples"] * case["response"]
    seconds = []
    for _ in range(4):
        began = time.process_time()
        engine.zero_grad()
        for number, pack in enumerate(packs, start=1):
            engine.backward(engine(pack, tokens), last=number == len(packs))
        engine.reduce()
        engine.norms()
        engine.step(1e-4)
        seconds.append(time.process_time() - began)
    found = {"seconds": min(seconds[1:]), "memory": peak_rss(), "base": base}
    return found | {"peak": peak_flops(torch.device("cpu"), clock=time.process_time)}


if __name__ == "__main__":
    print(json.dumps(_here(json.loads(sys.argv[1]))))
