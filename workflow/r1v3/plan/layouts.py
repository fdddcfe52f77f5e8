"""Plans RL on other machines or in another order: as in the report, overlapped, and smaller.

With overlapped rollouts, engines have nodes of their own. They sample the next episode while the trainer
learns from this one, so the weights are one step older. A step then takes as long as the longer of the two.
The plan can say whether that would pay.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from r1v3.plan.costs import Costs
from r1v3.plan.episode import RolloutSeconds, simulate
from r1v3.plan.stages import RecipePlan
from r1v3.recipe.load import Project, load_project
from r1v3.recipe.site import Site

ASLEEP = "engine asleep"


@dataclass(frozen=True)
class LayoutStep:
    """One step of RL in a layout.

    Attributes:
        name: name of the layout.
        memory: memory of the fullest device, bytes.
        seconds: seconds of the step; `generate`, `update` and `weights` are those of its phases.
        tokens: generated tokens a second and GPU.
        mfu: share of the peak that the training GPUs reach while they learn.
        fits: whether memory is enough.
        note: how nodes are divided; may be empty.
    """

    name: str
    gpus: int
    memory: float
    seconds: float
    generate: float
    update: float
    weights: float
    tokens: float
    mfu: float
    fits: bool
    note: str = ""


def layouts(root: Path, paper: Project, site: Site, costs: Costs) -> Iterator[LayoutStep]:
    """Yield the layouts that people ask about, each planned with its recipe.

    Args:
        paper: the recipe of the report's size.
    """
    yield together("as the report", RecipePlan(root, paper, site, costs))
    yield overlapped("overlapped", root, paper, site, costs)
    yield together("8B on one node", RecipePlan(root, load_project(root, "8b"), site, costs))
    yield together("1B on one GPU", RecipePlan(root, load_project(root, "1b"), site, costs))


def together(name: str, plan: RecipePlan) -> LayoutStep:
    """Plan engines and trainer that take turns on the same GPUs, as in the recipe's layout."""
    estimate = plan.grpo("rl")
    rollouts = estimate.rollouts
    assert rollouts is not None  # every estimate of stage grpo has rollouts
    steps, gpus = plan.project.runs["rl"].grpo.steps, estimate.devices
    return LayoutStep(
        name,
        gpus,
        estimate.memory,
        rollouts.seconds / steps,
        rollouts.generate / steps,
        rollouts.update / steps,
        rollouts.weights / steps,
        rollouts.answer_tokens / rollouts.seconds / gpus,
        rollouts.flops / (rollouts.update * gpus * plan.peak),
        estimate.fits,
    )


def overlapped(name: str, root: Path, project: Project, site: Site, costs: Costs) -> LayoutStep:
    """Plan engines on their own nodes: the division of nodes with the shortest step that fits.

    If none fits, or if there is a single node, the nearest division is returned, and its note says so.
    """
    machines = project.recipe.layout.grpo
    settings = project.runs["rl"].grpo
    found: list[LayoutStep] = []
    for engines in range(1, machines.nodes):
        learners = machines.nodes - engines
        trainer = RecipePlan(root, project, site, costs, nodes=learners)
        sampler = RecipePlan(root, project, site, costs, nodes=engines, apart=True)
        estimate, gpus = trainer.grpo("rl"), machines.nodes * machines.gpus
        learn: RolloutSeconds | None = estimate.rollouts
        assert learn is not None  # every estimate of stage grpo has rollouts
        write = simulate(sampler, settings, engines * machines.gpus)
        # No engine lies beside the trainer, neither asleep nor awake.
        memory = sum(estimate.parts.values()) - estimate.parts[ASLEEP]
        seconds = max(write.generate, learn.update) + learn.weights
        found.append(
            LayoutStep(
                name,
                gpus,
                memory,
                seconds / settings.steps,
                write.generate / settings.steps,
                learn.update / settings.steps,
                learn.weights / settings.steps,
                write.answer_tokens / seconds / gpus,
                learn.flops / (learn.update * learners * machines.gpus * trainer.peak),
                memory <= estimate.most and estimate.host <= estimate.host_most,
                f"{engines} of {machines.nodes} nodes sample",
            )
        )
    if not found:
        none = math.nan
        why = "needs two nodes"
        return LayoutStep(name, machines.gpus, none, none, none, none, none, none, none, False, why)
    return min(found, key=lambda step: (not step.fits, step.seconds))


def layouts_table(steps: Iterator[LayoutStep]) -> list[str]:
    """Write one line for each layout."""
    lines = [
        f"{'layout':15} {'GPUs':>4} {'GB each':>8} {'step s':>7} {'generate':>9} {'update':>7} {'weights':>8}"
        f" {'tokens/s/GPU':>13} {'MFU':>5}"
    ]
    for step in steps:
        fits = "" if step.fits else "   does not fit"
        note = f"   {step.note}" if step.note else ""
        lines.append(
            f"{step.name:15} {step.gpus:4} {step.memory / 1e9:8.1f} {step.seconds:7.1f}"
            f" {step.generate:9.1f} {step.update:7.1f} {step.weights:8.1f} {step.tokens:13.0f}"
            f" {step.mfu:5.0%}{note}{fits}"
        )
    return lines
