"""`r1v3 ablate`: trains an entry of the run table and compares it with its parent, in one command."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from r1v3.base.json_file import read_json
from r1v3.cli.mlflow import ADDRESS
from r1v3.cli.options import HERE, Overlay, Recipe, Root, choice
from r1v3.cli.provenance import checked_graph


def ablate_command(
    name: Annotated[str, typer.Argument(help="a branch: an entry of config/runs.yaml")],
    of: Annotated[
        str | None, typer.Option("--of", help="its parent; without it, the run that it is `like`")
    ] = None,
    recipe: Recipe = "tiny",
    overlay: Overlay = None,
    root: Root = HERE,
    profile: Annotated[
        Path | None, typer.Option(help="Snakemake's profile, such as slurm, for another machine")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="only say what is to do")
    ] = False,
    show: Annotated[
        bool, typer.Option("--open/--no-open", help="open the page, where there is a desktop")
    ] = True,
) -> None:
    """Train a branch, score its checkpoints, publish it to MLflow, and compare it with its parent on a page.

    Existing results are used. No study has to name the branch.
    """
    from r1v3.analyze.mlflow.views import link
    from r1v3.recipe.graph.branches import page_name
    from r1v3.recipe.graph.copies import Copies
    from r1v3.recipe.graph.targets import Targets
    from r1v3.recipe.tracking import mark_of_store, tracking_uri, without_secrets

    graph = checked_graph(root, recipe, overlay)
    page = page_name(graph, name, of)
    uri = tracking_uri()
    receipt = Copies(Targets(graph), mark_of_store(uri)).branch(page)
    output = f"results/branches/{page}.html"
    command = [sys.executable, "-m", "snakemake", "--config", *choice(recipe, overlay)]
    command += ["--profile", str(profile)] if profile else []
    command += ["-n"] if dry_run else ["--keep-going"]
    code = subprocess.call([*command, "--", output, receipt], cwd=root)
    written = (root / output).exists()
    if dry_run or not written:
        raise typer.Exit(code)
    address = (root / output).resolve().as_uri()
    print(f"page: {address}")
    if (root / receipt).exists():
        found = read_json(root / receipt)
        served = without_secrets(uri) if uri.startswith("http") else ADDRESS
        shown = link(served, found["experiment_id"], found["view"], chart=True)
        print(f"MLflow{'' if uri.startswith('http') else ', with `r1v3 ui` running'}: {shown}")
    if show and not code and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
        typer.launch(address)
    raise typer.Exit(code)
