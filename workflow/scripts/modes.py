"""Stage `modes`: write the table of thinking modes and budgets of one checkpoint (sections 6.2 and 6.3).

Reads one scores.json for each mode. Writes the table as Markdown, HTML, CSV and LaTeX.

    python workflow/scripts/modes.py --output results/tables/modes.md \
        --scores results/evaluations/<run>/last/checkpoint__*/scores.json
"""

import argparse
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.evaluate.thinking_modes import write_modes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scores", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    write_modes(args.scores, args.output)


if __name__ == "__main__":
    run_main(main)
