"""Print a short table of results/summary.json after `make demo`, and where the report is.

python workflow/scripts/show.py --summary results/summary.json --report results/report.html
"""

import argparse
from pathlib import Path

from r1v3.analyze.score_table import KeptRuns, score_lines
from r1v3.base.json_file import read_json
from r1v3.recipe.outputs.environment import instructions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--summary", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--runs", type=Path, help="what other runs of this recipe scored")
    args = parser.parse_args()
    kept = KeptRuns.read(args.runs) if args.runs else None
    summary = read_json(args.summary)
    print("\n".join(score_lines(summary, kept, instructions())))
    print(f"\nThe report: {args.report.resolve().as_uri()}")


if __name__ == "__main__":
    main()
