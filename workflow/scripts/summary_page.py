"""Stage `summary_page`: write which claims hold, which do not, and which cannot be decided at this size.

Reads the ledger's JSON and config/claims.yaml.

    python workflow/scripts/summary_page.py --recipe tiny --claims results/claims.json \
        --output results/summary.html
"""

import argparse
from pathlib import Path

from r1v3.analyze.studies.findings import write_summary_page
from r1v3.base.user_errors import run_main
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--overlay", type=Path, nargs="?")
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    graph = ResultGraph(load_project(Path.cwd(), args.recipe, args.overlay))
    write_summary_page(graph, args.claims, args.output)


if __name__ == "__main__":
    run_main(main)
