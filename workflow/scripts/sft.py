"""Stage `sft`: fine-tune any module groups on answered questions (sections 3.2 and 3.4).

Reads the checkpoint that the run starts from, and the data. Writes checkpoints/, metrics.jsonl and
manifest.json. Continues an interrupted run from its resume/.

    python workflow/scripts/sft.py --config results/runs/<run>/config.json \
        --parent results/runs/<start>/manifest.json --data results/data/<set>/manifest.json \
        --manifest results/runs/<run>/manifest.json
"""

import argparse
from functools import partial
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.recipe.graph.configs import SftConfig
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.outputs.stage import run_stage
from r1v3.train.sft.trainer import train_sft


def work(args: argparse.Namespace, config: SftConfig, folder: Path) -> dict:
    start = checkpoint_folder(args.parent, config.start.checkpoint, args.selection)
    validation = args.validation.parent if args.validation else None
    data = args.data.parent
    return train_sft(config, start=start, data=data, validation=validation, folder=folder)


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
    parser.add_argument("--validation", type=Path, nargs="?")
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    run_stage(
        args.config,
        args.manifest,
        partial(work, args),
        SftConfig,
        inputs=[args.parent, args.selection, args.data, args.validation],
    )


if __name__ == "__main__":
    run_main(main)
