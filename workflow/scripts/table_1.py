"""Stage `table_1`: write Table 1 with measured and published columns, and figures 1 and 3.

    python workflow/scripts/table_1.py --columns results/table_1/<id>.json --table config/benchmarks.yaml \
        --final results/evaluations/<run>/last/<suite>/scores.json --source files \
        --output results/studies/table_1.html
"""

import argparse
from pathlib import Path

from r1v3.base.json_file import read_json
from r1v3.base.user_errors import run_main
from r1v3.evaluate.pages.measured import FINAL, write_measured
from r1v3.recipe.tables.benchmarks import load_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--columns", type=Path, nargs="+", required=True, help="one a baseline")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--final", type=Path, nargs="?", help="scores.json of our final model")
    parser.add_argument("--source", choices=["files", "miniature"], required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    columns = [read_json(path) for path in args.columns]
    measured = {column["baseline"]: column["scores"] for column in columns}
    if args.final:
        measured[FINAL] = read_json(args.final)
    miniature = args.source == "miniature"
    write_measured(measured, load_table(args.table), args.output, miniature=miniature)


if __name__ == "__main__":
    run_main(main)
