"""Stage `report`: write one self-contained HTML page about the core path.

Reads the summary, the core runs, the selection of the RL run, the scores of its checkpoints, the training
sets (figure 2), the final model's benchmark scores, the benchmarks that it was asked, and the published
scores (table 1). Writes report.html.

    python workflow/scripts/report.py --recipe tiny --summary results/summary.json --runs ... \
        --selection ... --checkpoints ... --data ... --benchmarks ... --asked ... \
        --table config/benchmarks.yaml --output results/report.html
"""

import argparse
from pathlib import Path

from r1v3.analyze.report.page import ReportFiles, write_report
from r1v3.analyze.report.parts import changed_numbers
from r1v3.base.user_errors import run_main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--summary", type=Path, required=True)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="manifests, in order")
    parser.add_argument("--selection", type=Path, required=True)
    parser.add_argument(
        "--checkpoints", type=Path, nargs="+", required=True, help="scores.json each"
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="manifests")
    parser.add_argument("--benchmarks", type=Path, required=True)
    parser.add_argument("--asked", type=Path, nargs="+", required=True, help="manifests")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, help="the final model's, for real responses")
    parser.add_argument("--studies", type=Path, nargs="*", default=[], help="JSON of each study")
    parser.add_argument("--claims", type=Path, nargs="?", help="claims.json")
    parser.add_argument(
        "--other-code", type=Path, nargs="?", help="results of other code, a line each"
    )
    parser.add_argument("--overlay", type=Path, nargs="?")
    files = vars(parser.parse_args())
    output = files.pop("output")
    changed = changed_numbers(Path.cwd(), files["recipe"], files.pop("overlay"))
    write_report(ReportFiles(**files, changed=changed), output)


if __name__ == "__main__":
    run_main(main)
