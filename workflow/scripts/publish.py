"""Stage `publish`: MLflow's copy of the core path, complete and free of duplicates.

Reads run folders, the RL run's selection and scores; writes to the tracking store, and what it wrote
to mlflow.json. Running it again changes nothing.

    python workflow/scripts/publish.py --recipe tiny --runs results/runs/*/manifest.json \
        --selection ... --scores ... --tracking-uri sqlite:///mlflow.db --output results/mlflow.json
"""

import argparse
from pathlib import Path

from r1v3.analyze.publish import publish
from r1v3.recipe.load import load_project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--overlay", type=Path, nargs="?")
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--selection", type=Path, required=True)
    parser.add_argument("--scores", type=Path, nargs="+", required=True)
    parser.add_argument("--tracking-uri", required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    recipe = load_project(Path.cwd(), args.recipe, args.overlay).recipe
    publish(
        experiment=recipe.name,
        recipe=recipe.model_dump(mode="json"),
        runs=args.runs,
        selection=args.selection,
        scores=args.scores,
        tracking_uri=args.tracking_uri,
        output=args.output,
    )


if __name__ == "__main__":
    main()
