"""`r1v3 ui` and `r1v3 follow`: open MLflow in the browser, and copy runs to it while they train."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from r1v3.cli.options import HERE, Overlay, Recipe, Root

STORE = "mlflow.db"


def ui_command(root: Root = HERE) -> None:
    """Open MLflow on this checkout's runs. A missing database is made from the result files."""
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    if not (root / STORE).exists():
        make = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]
        make += ["--forcerun", "publish", "--", "results/mlflow.json"]
        if code := subprocess.call(make, cwd=root, env=environment):
            raise typer.Exit(code)
    # Without its job queue the server is 5 processes instead of 14.
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    show = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", f"sqlite:///{STORE}"]
    raise typer.Exit(subprocess.call(show, cwd=root, env=environment))


def follow_command(
    beside: Annotated[int, typer.Option(help="ends when the process with this id ends")],
    recipe: Recipe = "tiny",
    overlay: Overlay = None,
    root: Root = HERE,
) -> None:
    """Copy runs to MLflow while they train. The workflow starts this by itself."""
    from r1v3.analyze.mlflow.live import alive, follow_runs
    from r1v3.cli.provenance import open_documents
    from r1v3.recipe.tracking import tracking_uri

    os.nice(10)
    project = open_documents(root, recipe, overlay).project
    follow_runs(
        root,
        tracking_uri(),
        project.recipe.name,
        going_on=lambda: alive(beside),
        studies=project.studies,
    )
