"""Stage `claims`: write the ledger of the report's claims, with a verdict on each.

Reads the studies' JSON and config/claims.yaml.

    python workflow/scripts/claims.py --recipe tiny --seeds 1 --studies results/studies/*.json \
        --output results/claims.html
"""

import argparse
from pathlib import Path

from r1v3.analyze.studies.ledger import write_ledger
from r1v3.base.user_errors import run_main
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--overlay", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--studies", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    graph = ResultGraph(load_project(Path.cwd(), args.recipe, args.overlay, args.seeds))
    write_ledger(graph, args.studies, seeds=args.seeds, output=args.output)


if __name__ == "__main__":
    run_main(main)
