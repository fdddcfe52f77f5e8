"""Table 1: our columns beside the published ones, each of our cells with its interval, in four formats.

Our scores come from the files that were evaluated. Scores of miniatures are on another scale, and the caption
says so.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

from r1v3.evaluate.statistics import POWER
from r1v3.recipe.tables.benchmarks import MODELS, ListedBenchmark
from r1v3.render.page import percent
from r1v3.render.text_table import TextTable

MISSING = "missing"
MINIATURE = (
    "Our columns are scores of a tiny model on miniatures drawn from the tiny world: another scale, not"
    " comparable with the published columns."
)
FILES = "Our columns are measured on the published files."
NOTES = (
    "n: number of items; in brackets the number of groups, where items are resampled in groups."
    " Our cells: mean over runs [interval over items or groups]."
    " Shows: the smallest difference between two models, each on its own items, that this many items"
    " detect with 80 % power. A paired comparison detects smaller ones. * measured by the report's authors."
)


def table_1(
    table: dict[str, ListedBenchmark],
    ours: dict[str, dict],
    *,
    miniature: bool,
    missing: dict[str, str] | None = None,
    beside: Sequence[str] = (),
) -> TextTable:
    """Return the report's Table 1 with further columns and rows of ours.

    Args:
        ours: for each model `benchmarks` of its `scores.json`, {name: {mean, low, high, n, runs, ...}}.
        miniature: whether the files were miniatures, which the caption says.
        missing: reasons of benchmarks that were asked for and have no score.
        beside: titles of benchmarks that were read from files while others are miniatures.
    """
    header = ["Benchmark", "n", "shows", *ours, *MODELS.values()]
    missing = missing or {}
    rows: list[list[str]] = []
    group = None
    for name, entry in table.items():
        found = [scores.get(name) for scores in ours.values()]
        if not any(found) and not entry.published and name not in missing:
            continue
        if entry.group != group:
            group = entry.group
            rows.append([group])
        rows.append(_row(entry.title, found, entry.published))
        if name in missing:
            rows[-1][3 : 3 + len(ours)] = [
                MISSING if cell == "-" else cell for cell in rows[-1][3 : 3 + len(ours)]
            ]
        if name == "mmmu_pro_vision":
            rows += _mean_of_two(ours, len(header))
    caption = f"{MINIATURE if miniature else FILES} {NOTES}"
    if beside:
        caption += f" Read from files, and no miniatures: {', '.join(beside)}."
    if missing:
        named = "; ".join(
            f"{table[name].title}: {why}" for name, why in missing.items() if name in table
        )
        caption += f" Missing: {named}."
    odd = [_left_out(entry.title, score) for entry, score in _scored(table, ours)]
    caption += "".join(f" {note}" for note in odd if note)
    return TextTable(caption, header, rows)


def _scored(
    table: dict[str, ListedBenchmark], ours: dict[str, dict]
) -> list[tuple[ListedBenchmark, dict]]:
    return [
        (table[name], score)
        for scores in ours.values()
        for name, score in scores.items()
        if name in table
    ]


def _left_out(title: str, score: dict) -> str:
    """Return a sentence if rows of a benchmark were unreadable, or its judge was missing."""
    unreadable = score.get("unreadable", {})
    count = len(unreadable.get("rows", []))
    counted = "count as wrong" if unreadable.get("scored") == "wrong" else "are left out"
    notes = [f"{title}: {count} unreadable rows {counted}."] if count else []
    if judged := score.get("judged_by"):
        notes.append(f"{title}: judged by {judged}.")
    return " ".join(notes)


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
    """Write the number of items and, in brackets, of clusters if there are fewer of these."""
    units = score.get("clusters", score["n"])
    return str(score["n"]) if units == score["n"] else f"{score['n']} ({units})"


def _mean_of_two(ours: dict[str, dict], width: int) -> list[list[str]]:
    """Return a row as many publish it: the mean of the standard and the vision setting of MMMU-Pro."""
    pairs = [
        (scores.get("mmmu_pro_standard"), scores.get("mmmu_pro_vision")) for scores in ours.values()
    ]
    means = [_mean_score(one, other) if one and other else None for one, other in pairs]
    if not any(means):
        return []
    row = _row("MMMU-Pro (mean of standard and vision)", means, {})
    return [[row[0], "-", *row[2:width]]]


def _mean_score(one: dict, other: dict) -> dict:
    """Return the mean of two scores with independent errors: half the root of the sum of their squares.

    The two scores say how many standard errors their intervals and detectable differences are wide.
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
    """Write a cell such as `71.2 [68.0, 74.1]`."""
    if not score:
        return "-"
    return f"{percent(score['mean'])} [{percent(score['low'])}, {percent(score['high'])}]"


def _published(score) -> str:
    return "-" if score is None else f"{score.score:.1f}{'*' if score.by_authors else ''}"
