"""Stage `sample`: write one job's part of the answers that rejection sampling needs.

Reads the folder of the questions and the model's checkpoint. Appends to responses/ in the folder of the
sampled set.

    python workflow/scripts/sample.py --config results/data/<set>/config.json --part 0 --parts 4 \
        --questions results/data/<questions>/manifest.json --model results/runs/<run>/manifest.json \
        --output results/data/<set>/parts/0-of-4.json
"""

import argparse
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.data.sampling.sample import sample
from r1v3.recipe.graph.configs import SampledDataConfig
from r1v3.recipe.outputs.check import check_inputs
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.outputs.manifest import write_json
from r1v3.recipe.outputs.stage import alone, drop_outdated, read_config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--selection", type=Path, nargs="?")
    parser.add_argument("--part", type=int, required=True)
    parser.add_argument("--parts", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    config = read_config(args.config, SampledDataConfig)
    with alone(args.output) as finished:
        if finished:
            return
        check_inputs([args.questions])
        read = [args.questions, args.model, args.selection]
        drop_outdated(args.config.parent / "manifest.json", read)
        count = sample(
            config,
            questions=args.questions.parent,
            model=checkpoint_folder(args.model, config.by.checkpoint, args.selection),
            folder=args.config.parent,
            part=args.part,
            parts=args.parts,
        )
        write_json(args.output, {"answers": count})


if __name__ == "__main__":
    run_main(main)
