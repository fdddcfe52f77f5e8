"""What would make a stage fit that does not: each change is tried on the plan, and what helps is said."""

from pathlib import Path

from r1v3.plan.costs import Costs
from r1v3.plan.estimate import Estimate
from r1v3.plan.stages import Plan
from r1v3.recipe.load import Project
from r1v3.recipe.site import Site


def advise(root: Path, project: Project, site: Site, costs: Costs, refused: Estimate) -> list[str]:
    """Changes that would do, one at a time; none where none of those known would."""
    if refused.advice:
        return list(refused.advice)
    told = []
    for nodes in (1, 2, 4, 8, 16, 32):
        if _fits(Plan(root, project, site, costs, nodes=nodes), refused):
            told.append(f"more GPUs: {nodes} nodes for layout.{refused.stage}")
            break
    if refused.stage == "sft":
        told += _smaller(root, project, site, costs, refused)
    if refused.host > refused.host_most:
        need = refused.host / 1e9
        told.append(f"nodes with {need:,.0f} GB of memory: each process reads the whole checkpoint")
    return told


def _smaller(root, project, site, costs, refused) -> list[str]:
    told = []
    plan = Plan(root, project, site, costs)
    for tiles in range(plan.load.tiles - 1, 0, -1):
        plan.load = plan.load.model_copy(update={"tiles": tiles})
        plan.prompt = plan.load.question_tokens + tiles * plan.shape.image_tokens
        if _fits(plan, refused):
            told.append(f"fewer tiles: {tiles} a question, by images.max_tiles")
            break
    return told


def _fits(plan: Plan, refused: Estimate) -> bool:
    return any(
        (each.stage, each.name) == (refused.stage, refused.name) and each.fits
        for each in plan.estimates()
    )
