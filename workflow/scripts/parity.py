"""Stage `parity`: check that vLLM and transformers agree on a checkpoint before it is used at scale.

Reads a run and its last checkpoint. Writes what was compared, or stops with an error that says what differs.

    python workflow/scripts/parity.py --config results/runs/<run>/config.json \
        --run results/runs/<run>/manifest.json --max-gap 0.25 --tokens 64 \
        --output results/parity/<run>/within-0.25-nats-over-64-tokens.json
"""

import argparse
import sys
from pathlib import Path

from r1v3.base.json_file import read_json
from r1v3.base.user_errors import run_main
from r1v3.generate.parity import Disagreement, gate
from r1v3.recipe.graph.configs import GrpoConfig, ModelConfig, SftConfig
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.outputs.stage import read_config

CONFIGS = {"model": ModelConfig, "sft": SftConfig, "grpo": GrpoConfig}  # of runs, by their stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--max-gap", type=float, required=True, help="nats")
    parser.add_argument("--tokens", type=int, required=True, help="of each greedy answer")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    try:
        gate(
            read_config(args.config, CONFIGS[read_json(args.config, "kind")["kind"]]),
            model=checkpoint_folder(args.run, "last"),
            max_gap=args.max_gap,
            tokens=args.tokens,
            output=args.output,
        )
    except Disagreement as error:
        sys.exit(str(error))


if __name__ == "__main__":
    run_main(main)
