"""Stage `study`: write a page about one comparison, with figures, a table and the verdicts of its claims.

Reads the results that config/studies.yaml names, from results/. Trains nothing, and asks no model.

    python workflow/scripts/study.py --study freeze --recipe tiny --seeds 1 \
        --output results/studies/freeze.html
"""

import argparse
from pathlib import Path

from r1v3.analyze.studies.page import write_study
from r1v3.base.user_errors import run_main
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--study", required=True)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--overlay", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    root = Path.cwd()
    graph = ResultGraph(load_project(root, args.recipe, args.overlay, args.seeds))
    write_study(args.study, graph, root=root, seeds=args.seeds, output=args.output)


if __name__ == "__main__":
    run_main(main)
