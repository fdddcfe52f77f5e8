"""Compares a branch with its parent run: a study of two arms that needs no entry in a table.

The page `results/branches/<branch>.html` compares it with the run that the branch's entry is `like`. The page
`<branch>-of-<parent>.html` compares it with another run.
"""

from r1v3.recipe.errors import RecipeError, unknown
from r1v3.recipe.graph.arms import Needs, common_step, needs
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.schema.studies import Arm, Study
from r1v3.recipe.tables.runs import CORE, ResolvedRun

OF = "-of-"
CURVES = {
    "grpo": ["reward", "accuracy", "response_length", "entropy", "critical_token_entropy"],
    "sft": ["loss", "validation_loss"],
}


def page_name(graph: ResultGraph, branch: str, parent: str | None = None) -> str:
    """Return the name of a branch's page, after a check that both runs can be compared.

    Raises:
        RecipeError: there is no such run, or the two cannot be compared; the message says why.
    """
    name = f"{branch}{OF}{parent}" if parent else branch
    branch_study(graph, name)
    return name


def pair(graph: ResultGraph, page: str) -> tuple[str, str]:
    """Return the branch and the parent that a page compares.

    Raises:
        RecipeError: one of them is not in the run table, or the entry names no parent.
    """
    branch, _, parent = page.partition(OF)
    runs = graph.project.runs
    for name in (branch, *([parent] if parent else [])):
        if name not in runs:
            raise RecipeError([unknown("run", name, runs)])
    parent = parent or runs[branch].like or _start(runs[branch])
    if parent is None:
        raise RecipeError(
            [
                f"the entry of run {branch} has no `like`; name its parent: r1v3 ablate {branch} --of rl"
            ]
        )
    return branch, parent


def branch_study(graph: ResultGraph, page: str) -> Study:
    """Return the study of a branch's page: equal steps, held-out scores, and entropy against the benchmark.

    Raises:
        RecipeError: the two cannot be compared; the message says why.
    """
    branch, parent = pair(graph, page)
    runs, evaluation = graph.project.runs, graph.recipe.evaluation
    one, other = runs[branch], runs[parent]
    if branch in CORE:
        core = ", ".join(CORE)
        raise RecipeError([f"{branch} is a run of the core path ({core}), which `snakemake` makes"])
    if "model" in (one.stage, other.stage):
        raise RecipeError(
            [f"{branch} and {parent}: only a run that sft or grpo trains can be a branch"]
        )
    if graph.run(branch).hash == graph.run(parent).hash:
        raise RecipeError([f"{branch} and {parent} are one run: their settings are the same"])
    both = one.stage == other.stage == "grpo"
    arms = {
        f"{name} ({role})": Arm(run=name, checkpoint="common" if run.stage == "grpo" else "last")
        for name, role, run in ((parent, "parent", other), (branch, "branch", one))
    }
    asked = f"checkpoint/{evaluation.checkpoint_benchmark}"
    study = Study(
        title=f"{branch} beside {parent}",
        section="branch",
        shows="a branch of your own",
        question=one.entry.why or f"What does {branch} change?",
        arms=arms,
        curves=list(dict.fromkeys(CURVES[one.stage] + CURVES[other.stage])),
        by_step=[asked] if "grpo" in (one.stage, other.stage) else [],
        measures=[*(f"held_out/{name}" for name in evaluation.held_out), asked],
        analyses=["entropy_accuracy"] if both else [],
    )
    try:
        common_step(graph, study)
    except ValueError as error:
        raise RecipeError([f"{branch} and {parent} cannot be compared: {error}"]) from None
    return study


def branch_needs(graph: ResultGraph, page: str) -> Needs:
    """Return all that a branch's page reads."""
    return needs(graph, branch_study(graph, page), 1)


def _start(run: ResolvedRun) -> str | None:
    return None if run.entry.stage == "model" else run.entry.start
