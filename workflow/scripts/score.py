"""Stage `score`: grade stored answers by each benchmark's own metric.

Reads responses/ and the suite's benchmarks or held-out sets. Writes scores.json and verdicts/.

    python workflow/scripts/score.py --config results/evaluations/<run>/last/<suite>/config.json \
        --responses results/evaluations/<run>/last/<suite>/responses.json \
        --benchmarks results/benchmarks/<benchmark>/manifest.json \
        --output results/evaluations/<run>/last/<suite>/scores.json
"""

import argparse
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.evaluate.score import score_evaluation
from r1v3.recipe.graph.configs import EvaluationConfig
from r1v3.recipe.outputs.check import check_files, check_inputs
from r1v3.recipe.outputs.stage import folders, own_files, read_config, tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--responses", type=Path, required=True)
    parser.add_argument("--benchmarks", type=Path, nargs="*", default=[])
    parser.add_argument("--held-out", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    config = read_config(args.config, EvaluationConfig)
    check_files(args.responses, below="responses")
    check_inputs([*args.benchmarks, *args.held_out])
    own_files(args.output.parent / "verdicts")
    score_evaluation(
        config,
        responses=args.responses.parent,
        benchmarks=tables(config.benchmarks, args.benchmarks),
        held_out=folders(config.held_out, args.held_out),
        folder=args.output.parent,
    )


if __name__ == "__main__":
    run_main(main)
