"""Stage `select_checkpoint`: choose the checkpoint of an RL run that later stages use (section 5.1).

Reads one probe for each checkpoint. Writes manifest.json with the choice and its reason.

    python workflow/scripts/select_checkpoint.py --config results/selections/<run>/config.json \
        --probes results/selections/<run>/probe-step-*.json \
        --manifest results/selections/<run>/manifest.json
"""

import argparse
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.recipe.graph.configs import ProbeConfig
from r1v3.recipe.outputs.stage import run_stage
from r1v3.train.probe.select_checkpoint import select_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--probes", type=Path, nargs="+", required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()

    def work(config: ProbeConfig, _: Path) -> dict:
        return select_checkpoint(config.selection, probes=args.probes)

    run_stage(args.config, args.manifest, work, ProbeConfig)


if __name__ == "__main__":
    run_main(main)
