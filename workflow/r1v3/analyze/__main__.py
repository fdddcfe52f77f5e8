"""A GRPO run's curves as one SVG file.

python -m r1v3.analyze --run results/runs/rl.json --output docs/images/grpo.svg
"""

import argparse
import json
from pathlib import Path

from r1v3.analyze.report.panels import grpo_picture
from r1v3.analyze.results import read_result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", type=Path, required=True, help="the run's stable name")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    picture = grpo_picture(read_result(json.loads(args.run.read_text())["manifest"]))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
