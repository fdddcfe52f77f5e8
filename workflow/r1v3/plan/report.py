"""Prints the plan (`r1v3 plan`): GPUs, memory, hours, disk and money of every stage, before any is spent.

A star marks a stage whose figures use constants that nobody has measured.
"""

from collections.abc import Callable
from pathlib import Path

from r1v3.plan import layouts
from r1v3.plan.advice import advise
from r1v3.plan.costs import load_costs
from r1v3.plan.estimate import Estimate
from r1v3.plan.finished_runs import beside
from r1v3.plan.stages import RecipePlan
from r1v3.recipe.load import load_project
from r1v3.recipe.site import load_site

NODES = (1, 2, 4, 8)


def cost_table(estimates: list[Estimate], price: float, *, gpus: bool) -> list[str]:
    """Write one line for each stage, and one for the total."""
    unit = "GPUs" if gpus else "CPUs"
    lines = [
        f"{'stage':9} {'of':15} {'jobs':>4} {unit:>5} {'GB each':>8} {'hours':>8} {'disk TB':>8} {'money':>9}"
    ]
    money = hours = disk = 0.0
    for each in estimates:
        star = "*" if each.assumed else " "
        spent = each.jobs * each.devices * each.hours
        cost = price * spent + each.fee
        money, hours, disk = money + cost, hours + spent, disk + each.disk
        lines.append(
            f"{each.stage:9} {each.name:15.15} {each.jobs:4} {each.devices:5} {each.memory / 1e9:8.1f}"
            f" {each.hours:8.2f} {each.disk / 1e12:8.3f} {cost:9,.0f} {star}"
            f" {'; '.join(each.notes)}{'' if each.fits else '   DOES NOT FIT'}"
        )
    kind = "GPU" if gpus else "CPU"
    lines.append(f"in all {hours:,.1f} {kind} hours, {disk / 1e12:.2f} TB, money {money:,.0f}")
    return lines


def parts(estimates: list[Estimate]) -> list[str]:
    """Say what fills a device in each stage, in GB; for RL also while vLLM samples beside the trainer."""
    lines = []
    for each in estimates:
        if each.parts:
            lines.append(f"{each.stage} {each.name}: {_listed(each.parts)}")
        if each.sampling:
            whole = sum(each.sampling.values()) / 1e9
            lines.append(
                f"{each.stage} {each.name}, trainer and vLLM at once: {_listed(each.sampling)};"
                f" together {whole:.1f} of {each.most / 1e9:.0f}"
            )
    return lines


def _listed(parts: dict[str, float]) -> str:
    return ", ".join(f"{part} {size / 1e9:.1f}" for part, size in parts.items() if size > 5e7)


def waits(plan_of: Callable[[int], RecipePlan], site_nodes: tuple[int, ...] = NODES) -> list[str]:
    """Say where synchronous GRPO waits, by number of nodes."""
    lines = [
        f"{'nodes':>5} {'hours':>7} {'step s':>7} {'generate':>9} {'of it stragglers':>17} {'update':>7}"
        f" {'weights':>8} {'GPUs idle':>10}"
    ]
    for nodes in site_nodes:
        plan = plan_of(nodes)
        settings = plan.project.runs["rl"].grpo
        estimate = next(each for each in plan.estimates() if each.stage == "grpo")
        phases = estimate.rollouts
        assert phases is not None  # every estimate of stage grpo has rollouts
        whole = phases.seconds
        lines.append(
            f"{nodes:5} {whole / 3600:7.1f} {whole / settings.steps:7.1f} {phases.generate / whole:9.0%}"
            f" {phases.straggling / phases.generate:17.0%} {phases.update / whole:7.0%}"
            f" {phases.weights / whole:8.0%} {phases.idle:10.0%}{'' if estimate.fits else '   does not fit'}"
        )
    return lines


def report(
    root: Path, recipe: str, overlay: Path | None, *, nodes: int | None, price: float | None
) -> tuple[list[str], bool]:
    """Return the plan of a recipe as lines, and whether every stage fits.

    Args:
        root: root of the checkout.
        nodes: number of nodes of every training stage, instead of the layout's.
        price: price of one GPU for one hour, instead of the site's.

    Raises:
        RecipeError: the configuration has mistakes; the message has one line for each.
    """
    project = load_project(root, recipe, overlay)
    site, costs = load_site(root), load_costs(root)
    plan = RecipePlan(root, project, site, costs, nodes=nodes)
    price = site.gpus.price_per_hour if price is None else price
    estimates = plan.estimates()
    lines = cost_table(estimates, 0.0 if plan.cpu else price, gpus=not plan.cpu)
    lines += ["", "GB of the fullest device", *parts(estimates)]
    if known := beside(root, project, estimates):
        lines += ["", "Planned and measured, of finished runs", *known]
    if not plan.cpu:
        lines += ["", "RL, step by step: an engine a node samples, then all GPUs learn"]
        lines += waits(lambda count: RecipePlan(root, project, site, costs, nodes=count))
        lines += ["", "RL, a step of it, on other machines or in another order"]
        paper = project if recipe == "paper" else load_project(root, "paper")
        lines += layouts.layouts_table(layouts.layouts(root, paper, site, costs))
    lines += ["", assumptions(plan)]
    refused = [each for each in estimates if not each.fits]
    for each in refused:
        lines += ["", refusal(each)]
        changes = advise(root, project, site, costs, each) or ["nothing that this plan knows"]
        lines += [f"  {change}" for change in changes]
    return lines, not refused


def assumptions(plan: RecipePlan) -> str:
    """State the assumptions behind the figures."""
    load, device = plan.load, plan.device
    known = f"Measured: {device.measured}." if device.measured else "* nobody measured these GPUs."
    return (
        f"Assumed: questions of {plan.prompt} tokens with {load.tiles} tiles, answers of"
        f" {load.answer_median:g} tokens in the median, {device.train_share:.0%} of a peak of"
        f" {plan.peak / 1e12:.3g} TFLOP/s in training; config/costs.yaml. {known}"
    )


def refusal(estimate: Estimate) -> str:
    """Say why a stage cannot fit."""
    return (
        f"{estimate.stage} {estimate.name} cannot fit: {estimate.memory / 1e9:.0f} GB on a device of"
        f" {estimate.most / 1e9:.0f}, {estimate.host / 1e9:.0f} GB on a node of"
        f" {estimate.host_most / 1e9:.0f}. What would do:"
    )
