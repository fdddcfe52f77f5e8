"""Stage `plots`: write the tables that `dvc plots` draws.

Reads the GRPO run, its selection and its checkpoints' scores. Writes grpo.csv and checkpoints.csv.

    python workflow/scripts/plots.py --run results/runs/<run>/manifest.json \
        --selection results/selections/<run>/manifest.json --scores ... --folder results/plots
"""

import argparse
from pathlib import Path

from r1v3.analyze.plots import write_plots
from r1v3.base.user_errors import run_main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--selection", type=Path, required=True)
    parser.add_argument("--scores", type=Path, nargs="+", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    args = parser.parse_args()
    write_plots(**vars(args))


if __name__ == "__main__":
    run_main(main)
