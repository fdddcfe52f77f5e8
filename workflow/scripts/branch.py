"""Stage `branch`: write a page that compares a branch with its parent run.

Reads both runs, their probes and scores from results/. Trains nothing, and asks no model.

    python workflow/scripts/branch.py --page rl_low_rate --recipe tiny \
        --output results/branches/rl_low_rate.html
"""

import argparse
from pathlib import Path

from r1v3.analyze.studies.branch import write_branch
from r1v3.base.user_errors import run_main
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--page", required=True, help="a branch, or <branch>-of-<parent>")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--overlay", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    root = Path.cwd()
    graph = ResultGraph(load_project(root, args.recipe, args.overlay))
    write_branch(args.page, graph, root=root, output=args.output)


if __name__ == "__main__":
    run_main(main)
