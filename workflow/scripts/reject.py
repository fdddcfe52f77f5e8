"""Stage `reject`: let a model answer each question, and keep chains with a right answer (section 2).

Reads the folder of the questions and the model's checkpoint. Writes records.parquet and manifest.json.

    python workflow/scripts/reject.py --config results/data/<set>/config.json \
        --questions results/data/<questions>/manifest.json \
        --model results/runs/<run>/manifest.json --manifest results/data/<set>/manifest.json
"""

import argparse
from functools import partial
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.data.sampling.reject import reject
from r1v3.recipe.graph.configs import SampledDataConfig
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.outputs.stage import run_stage


def work(args: argparse.Namespace, config: SampledDataConfig, folder: Path) -> dict:
    model = checkpoint_folder(args.model, config.by.checkpoint, args.selection)
    return reject(config, questions=args.questions.parent, model=model, folder=folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--selection", type=Path, nargs="?")
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    run_stage(
        args.config,
        args.manifest,
        partial(work, args),
        SampledDataConfig,
        inputs=[args.questions, args.model, args.selection],
    )


if __name__ == "__main__":
    run_main(main)
