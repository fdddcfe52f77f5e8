"""Stage `model`: download a model, or build and train a small one from scratch.

Reads the folders of its data sets, and the model that it starts from, if any. Writes checkpoints/ and
manifest.json.

    python workflow/scripts/model.py --config results/runs/<run>/config.json \
        --data results/data/<set>/manifest.json --manifest results/runs/<run>/manifest.json
"""

import argparse
from functools import partial
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.recipe.graph.configs import ModelConfig
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.outputs.stage import folders, run_stage
from r1v3.train.base_model import obtain_base_model


def work(args: argparse.Namespace, config: ModelConfig, folder: Path) -> dict:
    start = checkpoint_folder(args.parent, "last") if args.parent else None
    data = folders(config.data, args.data)
    return obtain_base_model(config, data=data, start=start, folder=folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--parent", type=Path, nargs="?", help="manifest of the run it starts from")
    parser.add_argument(
        "--data", type=Path, nargs="*", default=[], help="manifests of its data sets"
    )
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    run_stage(
        args.config,
        args.manifest,
        partial(work, args),
        ModelConfig,
        inputs=[args.parent, *args.data],
    )


if __name__ == "__main__":
    run_main(main)
