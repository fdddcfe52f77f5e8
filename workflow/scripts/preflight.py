"""Stage `preflight`: check that the machines of a training stage are ready (`r1v3.cluster.preflight`).

Writes the findings. The exit code is 1 if a finding would stop a run.

    python workflow/scripts/preflight.py --recipe paper --output results/preflight.json
"""

import argparse
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.cluster.preflight import preflight


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--overlay", type=Path, nargs="?", help="YAML over the recipe")
    parser.add_argument("--output", type=Path, required=True, help="findings as JSON")
    args = parser.parse_args()
    return 0 if preflight(Path.cwd(), args.recipe, args.overlay, args.output) else 1


if __name__ == "__main__":
    run_main(main)
