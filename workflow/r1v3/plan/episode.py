"""Simulates synchronous GRPO on several nodes: how long devices work, and how long they wait (section 3.3).

Each engine uses one or more GPUs and samples its share of the prompts. All engines wait for the last answer,
then all update together. Response lengths are drawn at random.
"""

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from r1v3.plan import memory
from r1v3.plan.speed import EngineSize, StepWork, decoding_time, draw_lengths, train_seconds
from r1v3.recipe.schema.training import Grpo
from r1v3.train.core.flops import FlopCount

if TYPE_CHECKING:
    from r1v3.plan.stages import RecipePlan

WEIGHT_BYTES_A_SECOND = 10e9  # assumed for a node; perf/gpu_acceptance.py measures it
EPISODES = 8  # episodes that are simulated for each stage of lengths


@dataclass(frozen=True)
class RolloutSeconds:
    """Seconds of the whole run by phase.

    `straggling` is the part of `generate` in which fewer than a quarter of the rows are busy. `idle` is the
    share of all device seconds in which a device has nothing to do. `most_tokens` is the size of the largest
    episode, and `rows` the number of its responses. `answer_tokens` counts the tokens of all responses.
    `flops` are the operations that the updates need, without those of recomputed layers.
    """

    generate: float
    straggling: float
    update: float
    weights: float
    idle: float
    most_tokens: int
    rows: int
    answer_tokens: float
    flops: float

    @property
    def seconds(self) -> float:
        return self.generate + self.update + self.weights


def simulate(plan: "RecipePlan", settings: Grpo, devices: int) -> RolloutSeconds:
    """Simulate the phases of a run's steps on this many devices."""
    asked, shape, device = settings.prompts_per_step * settings.samples, plan.shape, plan.device
    machines = plan.recipe.layout.grpo
    gpus = devices if plan.cpu else (machines.tensor_parallel or machines.gpus)
    engines = 1 if plan.cpu else max(1, devices // gpus)
    parts = memory.engine_parts(
        shape,
        gpus=gpus,
        memory_gb=plan.site.gpus.memory_gb,
        share=plan.engine_share(),
        device=device,
    )
    engine = EngineSize(
        rows=asked if plan.cpu else 256,
        gpus=gpus,
        cache=0.0 if plan.cpu else gpus * parts["keys and values"],
        device=device,
        peak=plan.peak,
    )
    count = FlopCount.of(plan.model, settings.train, settings.adapted)
    starts = [stage.step for stage in settings.lengths] + [settings.steps]
    phases = {"generate": 0.0, "straggling": 0.0, "update": 0.0, "weights": 0.0}
    most, busy, answer_tokens, flops = 0, 0.0, 0.0, 0.0
    for number, stage in enumerate(settings.lengths):
        steps = max(0, min(starts[number + 1], settings.steps) - stage.step)
        for episode in range(EPISODES):
            lengths = draw_lengths(plan.load, asked, stage.tokens, seed=1000 * number + episode)
            most = max(most, sum(lengths) + settings.prompts_per_step * plan.prompt)
            cuts = [asked * n // engines for n in range(engines + 1)]
            decoded = [
                decoding_time(
                    lengths[first:last],
                    engine,
                    shape=shape,
                    prompt=plan.prompt,
                    prompts=max(1, settings.prompts_per_step // engines),
                )
                for first, last in itertools.pairwise(cuts)
            ]
            share = steps / EPISODES
            last = max(decoded, key=lambda each: each.seconds)
            phases["generate"] += share * last.seconds
            phases["straggling"] += share * last.straggling
            busy += share * gpus * sum(each.seconds - each.straggling for each in decoded)
            phases["update"] += share * _update(plan, settings, lengths, count, devices)
            phases["weights"] += share * _sync_weights(plan)
            answer_tokens += share * sum(lengths)
            flops += share * _needed(plan, settings, lengths, count)
    whole = phases["generate"] + phases["update"] + phases["weights"]
    waiting = phases["generate"] - busy / devices
    idle = (waiting + phases["weights"] * (1 - engines / devices)) / whole
    return RolloutSeconds(
        **phases,
        idle=idle,
        most_tokens=most,
        rows=asked,
        answer_tokens=answer_tokens,
        flops=flops,
    )


def _needed(plan: "RecipePlan", settings: Grpo, lengths: list[int], count: FlopCount) -> float:
    """Count the operations of an episode's updates as the trainer does: a prompt once for all its samples."""
    prompts, prompt = settings.prompts_per_step, plan.prompt
    once = count.batch([prompt] * prompts, sum(lengths), plan.load.tiles * prompts)
    once += count.token * sum(lengths)
    once += count.token_squared * sum((prompt + n) ** 2 - prompt**2 for n in lengths)
    return settings.updates_per_episode * once


def _update(
    plan: "RecipePlan", settings: Grpo, lengths: list[int], count: FlopCount, devices: int
) -> float:
    """Estimate log-probabilities and gradients of an episode; each pass computes a prompt once."""
    budget = settings.parallel.pass_tokens
    whole = sum(lengths) + settings.prompts_per_step * plan.prompt
    passes = math.ceil(whole / devices / budget) if budget else 1
    cuts = passes * devices if budget else settings.prompts_per_step
    prompts = max(settings.prompts_per_step, cuts)
    texts = [plan.prompt] * prompts + lengths
    seconds = train_seconds(
        count,
        plan.shape,
        StepWork(texts, sum(lengths), plan.load.tiles * prompts, passes),
        devices=devices,
        device=plan.device,
        peak=plan.peak,
        recomputed=settings.parallel.gradient_checkpointing,
    )
    # With several steps an episode, one more forward pass computes the log-probabilities of the policy
    # that sampled.
    again = settings.updates_per_episode * settings.minibatches
    return seconds * settings.updates_per_episode + (seconds / 3 if again > 1 else 0)


def _sync_weights(plan: "RecipePlan") -> float:
    """Estimate the seconds of sending weights: all ranks gather them in buckets, which the engines read."""
    if plan.cpu:
        return 0.0
    return 2 * plan.shape.all / WEIGHT_BYTES_A_SECOND
