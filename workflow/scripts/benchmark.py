"""Stage `benchmark`: write a benchmark, or its miniature, as a TSV file of the benchmark's own columns.

Writes <benchmark>.tsv and manifest.json. If the user has not supplied a file, the manifest says `missing` and
why, and other benchmarks are asked nevertheless.

    python workflow/scripts/benchmark.py --config results/benchmarks/<benchmark>/config.json \
        --manifest results/benchmarks/<benchmark>/manifest.json
"""

import argparse
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.evaluate.items.source import obtain_in_workflow
from r1v3.recipe.graph.configs import BenchmarkConfig
from r1v3.recipe.outputs.stage import run_stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    run_stage(args.config, args.manifest, obtain_in_workflow, BenchmarkConfig)


if __name__ == "__main__":
    run_main(main)
