"""Table 1: ours beside the published columns, each cell of ours with its interval, in four formats.

Our scores come from the files that were evaluated; with miniatures they are another scale altogether,
and the caption says so.
"""

import csv
import html
import io
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from r1v3.evaluate.statistics import POWER
from r1v3.recipe.tables.benchmarks import MODELS, Listed

MINIATURE = (
    "Our columns are scores of a tiny model on miniatures drawn from the tiny world: another scale, not"
    " comparable with the published columns."
)
FILES = "Our columns are measured on the published files."
NOTES = (
    "n: items asked (units that are resampled as one, where these are fewer)."
    " Cells of ours: mean over runs [interval over these units]."
    " Shows: the smallest difference between two models on different items that this many items show"
    " with a chance of 80 %; paired comparisons show less. * measured by the report's authors."
)


@dataclass(frozen=True)
class Grid:
    """A table of texts; a row that has one cell is a heading."""

    caption: str
    header: list[str]
    rows: list[list[str]]


def table_1(table: dict[str, Listed], ours: dict[str, dict], *, miniature: bool) -> Grid:
    """The report's Table 1 and what lies beyond it.

    Args:
        ours: for each model its `benchmarks` of `scores.json`, {name: {mean, low, high, n, runs, ...}}.
        miniature: whether the files were miniatures, which the caption says.
    """
    header = ["Benchmark", "n", "shows", *ours, *MODELS.values()]
    rows: list[list[str]] = []
    group = None
    for name, entry in table.items():
        found = [scores.get(name) for scores in ours.values()]
        if not any(found) and not entry.published:
            continue
        if entry.group != group:
            group = entry.group
            rows.append([group])
        rows.append(_row(entry.title, found, entry.published))
        if name == "mmmu_pro_vision":
            rows += _mean_of_two(ours, len(header))
    caption = f"{MINIATURE if miniature else FILES} {NOTES}"
    return Grid(caption, header, rows)


def _row(title: str, found: list[dict | None], published: dict) -> list[str]:
    known = [score for score in found if score]
    counts = sorted({_count(score) for score in known}) or ["-"]
    shows = max((score["detectable_difference"] for score in known), default=None)
    return [
        title,
        "/".join(counts),
        "-" if shows is None else percent(shows),
        *(cell(score) for score in found),
        *(_published(published.get(model)) for model in MODELS),
    ]


def _count(score: dict) -> str:
    """Items asked, and in brackets what hangs together and is counted as one."""
    units = score.get("clusters", score["n"])
    return str(score["n"]) if units == score["n"] else f"{score['n']} ({units})"


def _mean_of_two(ours: dict[str, dict], width: int) -> list[list[str]]:
    """MMMU-Pro as many publish it: the mean of the standard and the vision setting."""
    pairs = [
        (scores.get("mmmu_pro_standard"), scores.get("mmmu_pro_vision")) for scores in ours.values()
    ]
    means = [_mean_score(*pair) if all(pair) else None for pair in pairs]
    if not any(means):
        return []
    row = _row("MMMU-Pro (mean of standard and vision)", means, {})
    return [[row[0], "-", *row[2:width]]]


def _mean_score(one: dict, other: dict) -> dict:
    """The mean of two scores, whose errors are taken as independent: half the root of their squares' sum.

    How many standard errors the interval and the detectable difference reach is read from the two scores.
    """
    errors = [score["standard_error"] for score in (one, other)]
    error = math.hypot(*errors) / 2
    mean = (one["mean"] + other["mean"]) / 2
    found = next((score for score in (one, other) if score["standard_error"]), None)
    reach = found["detectable_difference"] / found["standard_error"] if found else 0.0
    half = max(0.0, reach / math.sqrt(2) - NormalDist().inv_cdf(POWER)) * error
    return {
        "mean": mean,
        "low": max(0.0, mean - half),
        "high": min(1.0, mean + half),
        "n": one["n"] + other["n"],
        "detectable_difference": reach * error,
    }


def cell(score: dict | None) -> str:
    """`71.2 [68.0, 74.1]`."""
    if not score:
        return "-"
    return f"{percent(score['mean'])} [{percent(score['low'])}, {percent(score['high'])}]"


def _published(score) -> str:
    return "-" if score is None else f"{score.score:.1f}{'*' if score.by_authors else ''}"


def percent(share: float) -> str:
    """A share as a number of percent with one decimal."""
    return f"{100 * share:.1f}"


def markdown(grid: Grid) -> str:
    """The table as Markdown."""
    width = len(grid.header)
    lines = [_pipes(grid.header), _pipes(["---"] + ["---:"] * (width - 1))]
    for row in grid.rows:
        lines.append(_pipes([f"**{row[0]}**"] + [""] * (width - 1) if len(row) == 1 else row))
    return "\n".join([*lines, "", grid.caption, ""])


def _pipes(cells: list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in cells) + " |"


def as_html(grid: Grid) -> str:
    """The table as a `<table>` element."""
    lines = ["<table>", f"<caption>{html.escape(grid.caption)}</caption>", "<thead><tr>"]
    lines += [f"<th>{html.escape(name)}</th>" for name in grid.header]
    lines.append("</tr></thead><tbody>")
    for row in grid.rows:
        if len(row) == 1:
            heading = html.escape(row[0])
            lines.append(f'<tr><th colspan="{len(grid.header)}">{heading}</th></tr>')
            continue
        cells = "".join(f"<td>{html.escape(text)}</td>" for text in row)
        lines.append(f"<tr>{cells}</tr>")
    return "\n".join([*lines, "</tbody></table>", ""])


def latex(grid: Grid) -> str:
    """The table as a LaTeX `tabular` with its caption."""
    width = len(grid.header)
    lines = [r"\begin{table}", r"\begin{tabular}{l" + "r" * (width - 1) + "}", r"\hline"]
    lines += [" & ".join(map(_tex, grid.header)) + r" \\", r"\hline"]
    for row in grid.rows:
        if len(row) == 1:
            lines.append(rf"\multicolumn{{{width}}}{{l}}{{\textit{{{_tex(row[0])}}}}} \\")
        else:
            lines.append(" & ".join(map(_tex, row)) + r" \\")
    end = [r"\hline", r"\end{tabular}", rf"\caption{{{_tex(grid.caption)}}}", r"\end{table}"]
    return "\n".join([*lines, *end, ""])


def _tex(text: str) -> str:
    for char in "&%$#_{}":
        text = text.replace(char, f"\\{char}")
    return text


def as_csv(grid: Grid) -> str:
    """The table as CSV; the group is the first column."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["Group", *grid.header])
    group = ""
    for row in grid.rows:
        if len(row) == 1:
            group = row[0]
        else:
            writer.writerow([group, *row])
    return target.getvalue()


def write_tables(grid: Grid, folder: Path, name: str = "table_1") -> list[Path]:
    """Write the table in all four formats."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, text in (
        ("html", as_html(grid)),
        ("md", markdown(grid)),
        ("tex", latex(grid)),
        ("csv", as_csv(grid)),
    ):
        path = folder / f"{name}.{suffix}"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
