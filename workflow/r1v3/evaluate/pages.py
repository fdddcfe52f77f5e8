r"""All pages of one evaluation: Table 1, protocols, figures, hallucination audit, error browser.

python -m r1v3.evaluate.pages --evaluation results/evaluations/<run>/last/<suite> --output results/pages
    [--against results/evaluations/<other run>/last/<suite>]

Everything is read from what scoring left behind; nothing is asked of a model or of the network.
"""

import argparse
import html
import json
import re
from pathlib import Path

import pandas as pd

from r1v3.evaluate.browser import write_browser
from r1v3.evaluate.compare import compare_models, comparison_table, protocol_table
from r1v3.evaluate.figures import figure_1, figure_3
from r1v3.evaluate.hallucination import as_row, audit
from r1v3.evaluate.source import entry_beside
from r1v3.evaluate.tables import Grid, as_html, percent, table_1, write_tables

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:80rem;margin:0 auto;padding:1rem}
table{border-collapse:collapse;display:block;overflow-x:auto}
td,th{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}
td:first-child,th:first-child{text-align:left}caption{caption-side:bottom;text-align:left}
img{max-width:100%}
"""


def write_pages(
    evaluation: Path,
    benchmarks: dict[str, Path],
    output: Path,
    *,
    name: str,
    against: tuple[str, Path] | None = None,
) -> Path:
    """Write `index.html` and what it links to; returns its path.

    Args:
        evaluation: a scored evaluation's folder.
        benchmarks: the TSV of each benchmark.
        name: what the model is called.
        against: another model's name and evaluation, compared item by item.
    """
    document = json.loads((evaluation / "config.json").read_text())["document"]
    scores = json.loads((evaluation / "scores.json").read_text())["benchmarks"]
    scores = {key: scores[key] for key in benchmarks if key in scores}
    table = {key: entry_beside(benchmarks[key]) for key in scores}
    sources = {
        json.loads((benchmarks[key].parent / "config.json").read_text())["document"]["source"]
        for key in scores
    }
    miniature = "miniature" in sources
    output.mkdir(parents=True, exist_ok=True)
    grids = {"table_1": table_1(table, {name: scores}, miniature=miniature)}
    grids["protocols"] = protocol_table(scores, {key: e.title for key, e in table.items()})
    grids["hallucination"] = audit_table(evaluation / "verdicts", scores, table)
    if against is not None:
        other, folder = against
        settings = document["evaluation"]
        rows = compare_models(
            {key: benchmarks[key] for key in scores},
            evaluation / "verdicts",
            folder / "verdicts",
            resamples=settings["resamples"],
            confidence=settings["confidence"],
            seed=document["seed"],
        )
        grids["comparison"] = comparison_table(rows, name, other)
    for key, grid in grids.items():
        write_tables(grid, output, key)
    figure_1(table, {name: scores}, output / "figure_1.svg", miniature=miniature)
    if "phyx_mini_mc" in scores:
        figure_3(table, {name: scores}, output / "figure_3.svg", miniature=miniature)
    shown = {}
    for key, entry in table.items():
        verdicts = sorted((evaluation / "verdicts").glob(f"{key}.run-*.parquet"))
        shown[key] = write_browser(
            entry, benchmarks[key], verdicts, output / "errors" / f"{key}.html"
        )
    index = output / "index.html"
    index.write_text(_index(name, grids, table, shown), encoding="utf-8")
    return index


def audit_table(verdicts: Path, scores: dict, table: dict) -> Grid:
    """Section 6.4 on every benchmark: "I can't see the image", and accuracy with and without it."""
    header = ["Benchmark", "answers", "with the phrase", "in the thought", "in the answer"]
    header += ["accuracy with", "without", "items both ways", "with - without, within items"]
    rows = []
    for key in scores:
        every = pd.concat(
            pd.read_parquet(path) for path in sorted(verdicts.glob(f"{key}.run-*.parquet"))
        )
        found = as_row(audit(every))
        counts = [str(found[c]) for c in ("answers", "with_phrase", "in_thought", "in_answer")]
        shares = [_share(found[c]) for c in ("accuracy_with", "accuracy_without")]
        both = [str(found["within_count"]), _share(found["within_items"])]
        rows.append([table[key].title, *counts, *shares, *both])
    caption = (
        "The report's Table 5: 76.0 on all 900 items, 77.3 on 853 without the phrase, 51.1 on 47 with it."
        " Hard items may cause both the phrase and the wrong answer; within items that is held still."
    )
    return Grid(caption, header, rows)


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _index(name: str, grids: dict[str, Grid], table: dict, shown: dict[str, int]) -> str:
    sections = "".join(
        f"<h2>{key.replace('_', ' ')}</h2>{as_html(grid)}" for key, grid in grids.items()
    )
    errors = "".join(
        f'<li><a href="errors/{key}.html">{html.escape(table[key].title)}</a>: {count} items</li>'
        for key, count in shown.items()
    )
    figures = '<img src="figure_1.svg" alt="all benchmarks">'
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(name)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>{html.escape(name)} on {len(table)} benchmarks</h1>{sections}{figures}"
        f"<h2>errors</h2><ul>{errors}</ul></html>\n"
    )


def _benchmarks_of(evaluation: Path) -> dict[str, Path]:
    """The TSVs that an evaluation was asked on, in results/benchmarks/ beside results/evaluations/."""
    document = json.loads((evaluation / "config.json").read_text())["document"]
    results = next(
        parent for parent in evaluation.resolve().parents if parent.name == "evaluations"
    )
    shelf = results.parent / "benchmarks"
    return {key: shelf / name / f"{key}.tsv" for key, name in document["benchmarks"].items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m r1v3.evaluate.pages")
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    against = (_name(args.against), args.against) if args.against else None
    index = write_pages(
        args.evaluation,
        _benchmarks_of(args.evaluation),
        args.output,
        name=_name(args.evaluation),
        against=against,
    )
    print(index)


def _name(evaluation: Path) -> str:
    parts = evaluation.resolve().parts
    return re.sub(r"-[0-9a-f]{10}$", "", parts[parts.index("evaluations") + 1])


if __name__ == "__main__":
    main()
