"""Stage `grpo`: train a policy by reinforcement with verifiable rewards (section 3.3).

Reads the checkpoint that the run starts from, and the prompts. Writes checkpoints/, metrics.jsonl and
manifest.json. Continues an interrupted run from its resume/.

    python workflow/scripts/grpo.py --config results/runs/<run>/config.json \
        --parent results/runs/<start>/manifest.json --data results/data/<set>/manifest.json \
        --manifest results/runs/<run>/manifest.json
"""

import argparse
from functools import partial
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.recipe.graph.configs import GrpoConfig
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.outputs.stage import run_stage
from r1v3.train.grpo.trainer import train_grpo


def work(args: argparse.Namespace, config: GrpoConfig, folder: Path) -> dict:
    start = checkpoint_folder(args.parent, config.start.checkpoint, args.selection)
    return train_grpo(config, start=start, data=args.data.parent, folder=folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument(
        "--parent", type=Path, required=True, help="manifest of the run it starts from"
    )
    parser.add_argument(
        "--selection", type=Path, nargs="?", help="manifest of that run's selection"
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    run_stage(
        args.config,
        args.manifest,
        partial(work, args),
        GrpoConfig,
        inputs=[args.parent, args.selection, args.data],
    )


if __name__ == "__main__":
    run_main(main)
