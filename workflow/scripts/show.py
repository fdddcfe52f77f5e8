"""After `make demo`: a short table of results/summary.json, and where the report is.

python workflow/scripts/show.py --summary results/summary.json --report results/report.html
"""

import argparse
import json
from pathlib import Path


def table(summary: dict) -> list[str]:
    """Held-out accuracy and format of each model, and the benchmarks of the final one, in percent;
    the file has shares."""
    sets = ("math", "multi_domain")
    lines = [f"{'held out, greedy':<20}" + "".join(f"{name:>24}" for name in sets)]
    for model, scores in summary["models"].items():
        cells = []
        for name in sets:
            score = scores[name]
            text = f"{100 * score['accuracy']:.1f} (format {100 * score['format']:.1f})"
            cells.append(f"{text:>24}")
        lines.append(f"{model:<20}" + "".join(cells))
    lines += ["", f"{'benchmark, final':<24}{'mean':>8}{'interval':>18}{'items':>8}{'runs':>6}"]
    for name, score in summary["benchmarks"].items():
        interval = f"{100 * score['low']:.1f} to {100 * score['high']:.1f}"
        mean = 100 * score["mean"]
        lines.append(f"{name:<24}{mean:>8.1f}{interval:>18}{score['n']:>8}{score['runs']:>6}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--summary", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    args = parser.parse_args()
    print("\n".join(table(json.loads(args.summary.read_text()))))
    print(f"\nThe report: {args.report.resolve().as_uri()}")


if __name__ == "__main__":
    main()
