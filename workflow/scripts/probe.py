"""Stage `probe`: measure the entropy of a checkpoint's critical tokens on the probe set (section 5.1).

Reads a run's checkpoint and the probe set. Writes one JSON file.

    python workflow/scripts/probe.py --config results/selections/<run>/config.json \
        --policy results/runs/<run>/manifest.json --step 000050 \
        --data results/data/<set>/manifest.json \
        --output results/selections/<run>/probe-step-000050.json
"""

import argparse
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.recipe.graph.configs import ProbeConfig
from r1v3.recipe.outputs.check import check_inputs
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.outputs.stage import alone, read_config
from r1v3.train.probe.probe_checkpoint import probe_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--step", required=True, help="six digits, as in the checkpoint's name")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with alone(args.output) as finished:
        if not finished:
            check_inputs([args.data])
            probe_checkpoint(
                read_config(args.config, ProbeConfig),
                checkpoint=checkpoint_folder(args.policy, f"step-{args.step}"),
                step=int(args.step),
                data=args.data.parent,
                output=args.output,
            )


if __name__ == "__main__":
    run_main(main)
