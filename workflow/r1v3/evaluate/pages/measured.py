"""Table 1, measured: our measurement of every model beside the published score, with figures 1 and 3.

Both are about the same questions. Nobody states the error of a published score. So the difference has the
interval of our score alone, and the table says whether the published score lies in it.
"""

import json
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import write_text
from r1v3.evaluate.pages.figures import figure_1, figure_3
from r1v3.evaluate.pages.tables import MISSING, cell
from r1v3.recipe.tables.benchmarks import MODELS, ListedBenchmark
from r1v3.render.page import render_page
from r1v3.render.text_table import TextTable, write_tables

FINAL = "final"  # our final model, compared with the report's own column
HEADING = "Table 1, measured and published"
HEADER = [
    "Model",
    "items",
    "measured, %",
    "published, %",
    "measured - published",
    "published lies",
]
CAPTION = (
    "Measured: mean over runs [interval over items or groups], by the recipe's protocol. The difference has"
    " the interval of the measured score; published scores come without one. * measured by the report's"
    " authors."
)
SMALL = " Measured on miniatures drawn from the tiny world, which are another scale: no difference is taken."
Scores = dict[str, Any]  # content of a `scores.json`


def measured_table(
    measured: dict[str, Scores], table: dict[str, ListedBenchmark], *, miniature: bool
) -> TextTable:
    """Return a group of rows for each benchmark, with a row for each model.

    Args:
        measured: `scores.json` by the name of a column, or `FINAL`.
        miniature: whether the questions were miniatures, which are compared with nothing.
    """
    rows: list[list[str]] = []
    for name, entry in table.items():
        own = [_row(name, entry, model, scores, miniature) for model, scores in measured.items()]
        own = [row for row in own if row]
        if own:
            rows += [[entry.title], *own]
    return TextTable(CAPTION + (SMALL if miniature else ""), HEADER, rows)


def _row(
    name: str, entry: ListedBenchmark, model: str, scores: Scores, miniature: bool
) -> list[str]:
    """Return the row of one model on one benchmark; nothing if it was neither measured nor published."""
    score = scores["benchmarks"].get(name)
    published = entry.published.get("skywork_r1v3_38b" if model == FINAL else model)
    theirs = f"{published.score:.1f}{'*' if published.by_authors else ''}" if published else "-"
    title = title_of(model)
    if score is None:
        lacking = name in scores.get("missing", {})
        return [title, "-", MISSING if lacking else "-", theirs, "-", "-"] if published else []
    difference, lies = "-", "-"
    if published and not miniature:
        mean, low, high = (100 * score[key] - published.score for key in ("mean", "low", "high"))
        difference = f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]"
        lies = "inside" if low <= 0 <= high else "above" if high < 0 else "below"
    return [title, str(score["n"]), cell(score), theirs, difference, lies]


def title_of(model: str) -> str:
    """Return the title of a column."""
    return "ours, final model" if model == FINAL else MODELS.get(model, model)


def write_measured(
    measured: dict[str, Scores],
    table: dict[str, ListedBenchmark],
    output: Path,
    *,
    miniature: bool,
) -> None:
    """Write the page and, beside it, a folder with the table in four formats, figures, and `<name>.json`.

    Args:
        output: results/studies/table_1.html.
    """
    folder = output.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    found = measured_table(measured, table, miniature=miniature)
    write_tables(found, folder, "table_1", HEADING)
    bars = {f"{title_of(model)}, measured": s["benchmarks"] for model, s in measured.items()}
    asked = {name for scores in bars.values() for name in scores}
    drawn = {name: entry for name, entry in table.items() if name in asked}
    figures = {"figure_1.svg": "Figure 1: every benchmark of Table 1, measured and published"}
    figure_1(drawn, bars, folder / "figure_1.svg", miniature=miniature)
    if "phyx_mini_mc" in asked:
        figure_3(drawn, bars, folder / "figure_3.svg", miniature=miniature)
        figures["figure_3.svg"] = "Figure 3: PhyX, measured and published"
    page = render_page(
        "table_1.html.j2",
        heading=HEADING,
        table=found,
        folder=folder.name,
        figures={name: (text, (folder / name).read_text()) for name, text in figures.items()},
    )
    write_text(output, page)
    content = {"name": output.stem, "models": list(measured), "rows": found.rows}
    write_text(output.with_suffix(".json"), json.dumps(content, indent=1))
