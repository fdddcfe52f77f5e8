"""Stage `summary`: collect the core path's scores in one small file.

Reads scores.json of the held-out suites and of the final model's benchmarks. Writes summary.json.

    python workflow/scripts/summary.py --held-out results/evaluations/*/*/held_out-*/scores.json \
        --benchmarks results/evaluations/<run>/last/benchmarks-<hash>/scores.json \
        --output results/summary.json
"""

import argparse
from pathlib import Path

from r1v3.analyze.summary import write_summary
from r1v3.base.user_errors import run_main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--held-out", type=Path, nargs="+", required=True)
    parser.add_argument("--benchmarks", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    write_summary(held_out=args.held_out, benchmarks=args.benchmarks, output=args.output)


if __name__ == "__main__":
    run_main(main)
