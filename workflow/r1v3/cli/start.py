"""`r1v3 start`: makes a trained model with one command, which can be called again to continue."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r1v3.cli.options import HERE, Overlay, Recipe, Root, choice
from r1v3.cli.preflight import preflight_call, slurm_answers

if TYPE_CHECKING:
    from r1v3.recipe.load import Project


def start_command(
    recipe: Recipe = "open-1b",
    overlay: Overlay = None,
    root: Root = HERE,
    begin: Annotated[
        bool, typer.Option("--begin/--no-begin", help="begin after the checks, or end there")
    ] = True,
) -> None:
    """Check everything, show time, disk and money, and run a recipe to its report. Asks nothing.

    It checks licences, then machine, disk, network, servers and tokens, then the plan. A finding that would
    stop a run ends the command before the first job, with its remedy. A second call continues where it ended.
    """
    from r1v3.plan.report import report
    from r1v3.recipe.load import load_project

    project = load_project(root, recipe, overlay)
    _show(f"1. Licences of what {recipe} trains on", licence_lines(project))
    _show("2. Machine, disk, network, servers and tokens", [])
    if preflight_call(recipe, overlay, root):
        raise typer.Exit(1)
    plan, fits = report(root, recipe, overlay, nodes=None, price=None)
    _show("3. Time, disk and money", plan)
    if not fits:
        print("A stage does not fit: take a smaller recipe, or change `layout` in an overlay.")
        raise typer.Exit(1)
    if not begin:
        raise typer.Exit(0)
    _show("4. Begin. Ctrl-C ends it; the same command goes on", [])
    code = subprocess.call(run_command(recipe, overlay), cwd=root)
    if code == 0:
        shown = ["--summary", "results/summary.json", "--report", "results/report.html"]
        subprocess.call([sys.executable, "workflow/scripts/show.py", *shown], cwd=root)
    raise typer.Exit(code)


def run_command(recipe: str, overlay: Path | None) -> list[str]:
    """Return the command that runs a recipe: on Slurm if it answers, else on this machine."""
    slurm = ["--profile", "slurm"] if slurm_answers() else []
    return [
        sys.executable,
        "-m",
        "snakemake",
        *slurm,
        "--cores",
        "all",
        "--config",
        *choice(recipe, overlay),
    ]


def licence_lines(project: "Project") -> list[str]:
    """Return one line for each source of a training set with its licence, and for each source left out."""
    from r1v3.recipe.schema.data import ListedSource, SourceSet
    from r1v3.recipe.tables.licences import gated

    gate, lines = project.recipe.licences, [f"licences: {project.recipe.licences}"]
    for name, entry in project.recipe.data.items():
        if not isinstance(entry, SourceSet) or not isinstance(entry.source, ListedSource):
            continue
        if entry.source.instances != "train":
            continue
        kept, out = gated(gate, entry.source, project.sources)
        for each in kept:
            licence = project.sources[each].licence
            note = f" ({licence.note})" if licence.note else ""
            lines.append(f"{name}: {each}: {licence.name or 'not stated'}{note}")
        lines += [f"{name}: {each}: {licence}: left out" for each, licence in out.items()]
    return lines


def _show(title: str, lines: list[str]) -> None:
    print(f"\n{title}", *(f"   {line}" for line in lines), sep="\n", flush=True)
