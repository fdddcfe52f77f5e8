"""Stage `baseline`: measure one column of Table 1: a baseline of the recipe answers all benchmarks.

Asks the model at its server or provider, or a model from a hub in this process, and scores the answers.
Answers are stored in results/evaluations/<name>/. A second start asks only for missing answers.
R1V3_SERVER_BUDGET is the most that a priced model may cost. R1V3_SERVER_BATCH=1 asks through the provider's
batch interface.

    python workflow/scripts/baseline.py --baseline gpt_4o --recipe paper --output results/table_1/<id>.json
"""

import argparse
import os
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.evaluate.any_model import evaluate_column


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--baseline", required=True)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--overlay", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    budget = os.environ.get("R1V3_SERVER_BUDGET")
    evaluate_column(
        Path.cwd(),
        args.recipe,
        args.baseline,
        args.output,
        overlay=args.overlay,
        budget=float(budget) if budget else None,
    )


if __name__ == "__main__":
    run_main(main)
