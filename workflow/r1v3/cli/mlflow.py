"""`r1v3 ui` and `r1v3 follow`: opens MLflow in the browser, and copies runs to it while they train."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r1v3.cli.options import HERE, Overlay, Recipe, Root

if TYPE_CHECKING:
    from r1v3.recipe.graph.results import ResultGraph

STORE = "mlflow.db"
PORT = 5000
ADDRESS = f"http://127.0.0.1:{PORT}"


def ui_command(
    root: Root = HERE,
    port: Annotated[int, typer.Option(help="the port at 127.0.0.1")] = PORT,
    show: Annotated[
        bool, typer.Option("--open/--no-open", help="open the chart, where there is a desktop")
    ] = True,
) -> None:
    """Open MLflow on this checkout's runs, and print links to its run list, charts and studies.

    Results that the database lacks are added first. The links are printed once the server answers.
    """
    from r1v3.analyze.mlflow.links import links_of, publish_present

    os.chdir(root)  # results have paths relative to the root, in MLflow too
    uri, address = f"sqlite:///{STORE}", f"http://127.0.0.1:{port}"
    links: list[tuple[str, str]] = []
    for graph in _graphs():
        receipt = Path(f"results/log/mlflow-{graph.recipe.name}.json")
        if publish_present(graph, uri, receipt):
            links += links_of(graph, uri, address)
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    # Without its job queue, the server has 5 processes instead of 14.
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    serve = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", f"sqlite:///{STORE}"]
    server = subprocess.Popen([*serve, "--port", str(port)], env=environment)
    if links and _answers(server, f"{address}/health"):
        print("\n".join(f"{title}: {link}" for title, link in links), flush=True)
        if show and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
            typer.launch(links[0][1])
    raise typer.Exit(server.wait())


def _graphs() -> "Iterator[ResultGraph]":
    """Yield the result graph of each readable recipe; a mistake in one is reported, and hides no other."""
    from r1v3.recipe.errors import RecipeError
    from r1v3.recipe.graph.results import ResultGraph
    from r1v3.recipe.load import load_project
    from r1v3.recipe.seeds import seeds_on_disk

    seeds = seeds_on_disk(Path("results"))
    for path in sorted(Path("config/recipes").glob("*.yaml")):
        try:
            yield ResultGraph(load_project(Path(), path.stem, None, seeds))
        except RecipeError as error:
            print(f"recipe {path.stem} is left out: {error}", file=sys.stderr)


def _answers(server: "subprocess.Popen[bytes]", health: str) -> bool:
    """Wait until the server answers; return False if it ended before."""
    while server.poll() is None:
        try:
            urllib.request.urlopen(health, timeout=2).close()
        except OSError:
            time.sleep(0.5)
        else:
            return True
    return False


def follow_command(
    beside: Annotated[int, typer.Option(help="ends when the process with this id ends")],
    recipe: Recipe = "tiny",
    overlay: Overlay = None,
    root: Root = HERE,
) -> None:
    """Copy runs to MLflow while they train. The workflow starts this command itself."""
    from r1v3.analyze.mlflow.live import alive, follow_runs
    from r1v3.cli.provenance import checked_graph
    from r1v3.recipe.tracking import tracking_uri

    os.nice(10)
    project = checked_graph(root, recipe, overlay).project
    follow_runs(
        root,
        tracking_uri(),
        project.recipe.name,
        going_on=lambda: alive(beside),
        studies=project.studies,
    )
