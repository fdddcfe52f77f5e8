"""Stage `publish`: complete MLflow's copy of the core path or of all studies, without duplicates.

Reads run folders, the selections of RL runs, and scores. Writes to the tracking store, and records in
mlflow.json what it wrote. A second run changes nothing.

    python workflow/scripts/publish.py --recipe tiny --runs results/runs/*/manifest.json \
        --selections ... --scores ... --output results/mlflow.json

The store is that of MLFLOW_TRACKING_URI, else mlflow.db. It is not an option, because a command line must not
show a password.
"""

import argparse
from pathlib import Path

from r1v3.analyze.mlflow.describe import descriptions, experiment_note
from r1v3.analyze.mlflow.publish import Labels, ResultFiles, publish_runs
from r1v3.base.user_errors import run_main
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project
from r1v3.recipe.tracking import tracking_uri


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--overlay", type=Path, nargs="?")
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--selections", type=Path, nargs="*", default=[])
    parser.add_argument("--scores", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--page", nargs="?", help="of a branch; its runs get a view of their own")
    args = parser.parse_args()
    graph = ResultGraph(load_project(Path.cwd(), args.recipe, args.overlay, args.seeds))
    project = graph.project
    publish_runs(
        project.recipe,
        ResultFiles(args.runs, args.selections, args.scores),
        Labels(project.studies, descriptions(graph), experiment_note(graph)),
        tracking_uri=tracking_uri(),
        output=args.output,
        branch=args.page or "",
    )


if __name__ == "__main__":
    run_main(main)
