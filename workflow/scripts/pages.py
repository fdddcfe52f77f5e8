"""Stage `pages`: write Table 1, figures 1, 3 and 4, the audit of section 6.4, comparisons and errors.

Reads the scores and verdicts of the final model and of the models that it is compared with, and the
benchmarks' files. Writes index.html and the pages that it links to into one folder. Table 1 has four formats.

    python workflow/scripts/pages.py --scores results/evaluations/<run>/last/<suite>/scores.json \
        --against results/evaluations/<other run>/<checkpoint>/<suite>/scores.json \
        --benchmarks results/benchmarks/<benchmark>/manifest.json --table config/benchmarks.yaml \
        --output results/pages/index.html
"""

import argparse
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.evaluate.pages.pages import model_label, write_pages
from r1v3.recipe.outputs.config_file import read_resolved
from r1v3.recipe.outputs.stage import own_files, tables
from r1v3.recipe.tables.benchmarks import load_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--against", type=Path, nargs="*", default=[], help="scores.json each")
    parser.add_argument("--benchmarks", type=Path, nargs="+", required=True, help="manifests")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    resolved = read_resolved(args.scores.parent / "config.json")
    own_files(args.output.parent)
    write_pages(
        args.scores.parent,
        tables(resolved["benchmarks"], args.benchmarks),
        load_table(args.table),
        args.output.parent,
        name=model_label(args.scores.parent),
        against={model_label(path.parent): path.parent for path in args.against},
        report="../report.html",
    )


if __name__ == "__main__":
    run_main(main)
