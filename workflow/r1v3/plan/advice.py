"""Proposes changes that make a stage fit. It tries each known change in the plan, and names those that do."""

from pathlib import Path

from r1v3.plan.costs import Costs
from r1v3.plan.estimate import Estimate
from r1v3.plan.stages import RecipePlan
from r1v3.recipe.load import Project
from r1v3.recipe.site import Site


def advise(root: Path, project: Project, site: Site, costs: Costs, refused: Estimate) -> list[str]:
    """Return the changes of which each alone makes the stage fit; an empty list if none does."""
    if refused.advice:
        return list(refused.advice)
    changes = []
    for nodes in (1, 2, 4, 8, 16, 32):
        if _fits(RecipePlan(root, project, site, costs, nodes=nodes), refused):
            changes.append(f"more GPUs: {nodes} nodes for layout.{refused.stage}")
            break
    if refused.stage == "sft":
        changes += _fewer_tiles(root, project, site, costs, refused)
    if refused.host > refused.host_most:
        need = refused.host / 1e9
        changes.append(
            f"nodes with {need:,.0f} GB of memory: each process reads the whole checkpoint"
        )
    return changes


def _fewer_tiles(
    root: Path, project: Project, site: Site, costs: Costs, refused: Estimate
) -> list[str]:
    changes = []
    plan = RecipePlan(root, project, site, costs)
    for tiles in range(plan.load.tiles - 1, 0, -1):
        plan.load = plan.load.model_copy(update={"tiles": tiles})
        plan.prompt = plan.load.question_tokens + tiles * plan.shape.image_tokens
        if _fits(plan, refused):
            changes.append(f"fewer tiles: {tiles} a question, by images.max_tiles")
            break
    return changes


def _fits(plan: RecipePlan, refused: Estimate) -> bool:
    return any(
        (each.stage, each.name) == (refused.stage, refused.name) and each.fits
        for each in plan.estimates()
    )
