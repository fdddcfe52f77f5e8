"""Stage `pages`: Table 1 in four formats, figures 1, 3 and 4, the audit of section 6.4, comparisons, errors.

Reads the final model's scores and verdicts, those of the models it is compared with, and the benchmarks'
files; writes index.html and what it links to into one folder.

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
