"""Stage `cards`: write a data card for each set, and what evaluations share with training data.

Reads the sets, the index of the evaluations, and the final model's scores. Writes cards/index.html, and
beside it a page for each set.

    python workflow/scripts/cards.py --data ... --trained ... --evaluation-index ... \
        --benchmarks ... --scores ... --sources config/sources.yaml --output results/cards/index.html
"""

import argparse
from pathlib import Path

from r1v3.analyze.cards.pages import make_cards
from r1v3.base.user_errors import run_main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="manifests of all sets")
    parser.add_argument("--trained", nargs="+", required=True, help="names of the stages' sets")
    parser.add_argument("--evaluation-index", type=Path, required=True, help="manifest")
    parser.add_argument("--benchmarks", type=Path, nargs="*", default=[], help="manifests")
    parser.add_argument("--scores", type=Path, required=True, help="scores.json")
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    make_cards(**vars(parser.parse_args()))


if __name__ == "__main__":
    run_main(main)
