"""Links into MLflow's pages, and publishing without Snakemake, for `r1v3 ui`."""

from pathlib import Path

from r1v3.analyze.mlflow.describe import descriptions, experiment_note
from r1v3.analyze.mlflow.publish import Labels, ResultFiles, publish_runs
from r1v3.analyze.mlflow.store import MlflowStore
from r1v3.analyze.mlflow.views import CHART, RUN_LIST, link
from r1v3.recipe.graph.copies import Copies
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.graph.targets import Targets


def publish_present(graph: ResultGraph, tracking_uri: str, receipt: Path) -> int:
    """Publish every finished run of a recipe with the scores that exist; return the number of runs.

    This trains nothing and asks no model. Runs that were published before are not sent again.
    """
    files = ResultFiles(
        *([Path(path) for path in kind] for kind in Copies(Targets(graph)).present())
    )
    if not files.runs:
        return 0
    publish_runs(
        graph.recipe,
        files,
        Labels(graph.project.studies, descriptions(graph), experiment_note(graph)),
        tracking_uri=tracking_uri,
        output=receipt,
    )
    return len(files.runs)


def links_of(graph: ResultGraph, tracking_uri: str, address: str) -> list[tuple[str, str]]:
    """Return title and link of the chart, the run list, and each study with at least two runs here."""
    store = MlflowStore(tracking_uri, graph.recipe.name)
    found = [
        (f"{graph.recipe.name}, entropy against the benchmark", CHART, True),
        (f"{graph.recipe.name}, runs", RUN_LIST, False),
    ]
    for name, study in graph.project.studies.items():
        arms = {graph.run(arm.run).folder for arm in study.arms.values()}
        if sum(Path(folder, "manifest.json").exists() for folder in arms) > 1:
            found.append((f"study {name}", f"study-{name}", True))
    return [
        (title, link(address, store.experiment, key, chart=chart)) for title, key, chart in found
    ]
