"""Figures 1, 3 and 4: all benchmarks, PhyX, and the GAOKAO ranking, with ours beside published scores.

Scores of miniatures are on another scale than published ones, so they have a panel and an axis of their own.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import write_text
from r1v3.recipe.tables.benchmarks import MODELS, ListedBenchmark
from r1v3.render.figures import bars_beside

Bars = dict[str, dict[str, tuple[float, float, float]]]
OURS = "ours: tiny model, miniatures"
THEIRS = "the report's: real benchmarks"


def figure_1(
    table: dict[str, ListedBenchmark],
    ours: dict[str, dict[str, Any]],
    path: Path,
    *,
    miniature: bool,
) -> None:
    """Draw bars of every benchmark of Table 1, ours with its interval.

    Args:
        ours: for each model, `benchmarks` of its `scores.json`.
    """
    names = [name for name, entry in table.items() if entry.published]
    _write("figure-1", "every benchmark of Table 1", table, names, ours, path, miniature)


def figure_3(
    table: dict[str, ListedBenchmark],
    ours: dict[str, dict[str, Any]],
    path: Path,
    *,
    miniature: bool,
) -> None:
    """Draw bars of PhyX, choices with minimal text."""
    what = "PhyX, choices with minimal text"
    _write("figure-3", what, table, ["phyx_mini_mc"], ours, path, miniature)


def figure_4(
    entry: ListedBenchmark,
    ours: dict[str, dict[str, Any]],
    path: Path,
    *,
    miniature: bool,
    paper: int = 150,
) -> dict[str, float]:
    """Draw the ranking on the GAOKAO paper of 150 points, and return the points.

    Args:
        ours: for each model, the exam's entry of its `scores.json`, which includes marks by hand.
    """
    published = {MODELS[model]: points for model, points in (entry.published_points or {}).items()}
    own = {model: round(paper * score["mean"], 1) for model, score in ours.items()}
    what = "GAOKAO 2025 mathematics, paper I"
    sides = {OURS: own, THEIRS: published} if miniature else {what: own | published}
    panels = [
        (title, {"points": {name: (mark, mark, mark) for name, mark in _ranked(marks)}})
        for title, marks in sides.items()
    ]
    said = "; ".join(
        f"{name} {mark:g}" for marks in sides.values() for name, mark in _ranked(marks)
    )
    text = bars_beside(
        "figure-4",
        f"Figure 4: {what}, in points of {paper}: {said}",
        panels,
        y=f"points of {paper}",
        most=paper,
    )
    write_text(path, text)
    return own | published


def _ranked(marks: dict[str, float]) -> Iterable[tuple[str, float]]:
    return sorted(marks.items(), key=lambda pair: -pair[1])


def _write(
    name: str,
    what: str,
    table: dict[str, ListedBenchmark],
    names: list[str],
    ours: dict[str, dict[str, Any]],
    path: Path,
    miniature: bool,
) -> None:
    own: Bars = {}
    for model, scores in ours.items():
        own[model] = {
            table[each].title: _percents(scores[each]) for each in names if each in scores
        }
    published: Bars = {}
    for model, title in MODELS.items():
        known = {table[each].title: table[each].published.get(model) for each in names}
        found = {label: (s.score, s.score, s.score) for label, s in known.items() if s}
        if found:
            published[title] = found
    panels = [(OURS, own), (THEIRS, published)] if miniature else [(what, own | published)]
    said = "; ".join(
        f"{model}: {', '.join(f'{label} {value:.1f}' for label, (value, *_) in scores.items())}"
        for model, scores in own.items()
    )
    figure = name.replace("-", " ").capitalize()
    alt = f"{figure}: {what}. Ours: {said}. The published scores stand in Table 1."
    write_text(path, bars_beside(name, alt, panels, y="score, %"))


def _percents(score: dict[str, float]) -> tuple[float, float, float]:
    """Return a score's mean and interval, in percent."""
    return 100 * score["mean"], 100 * score["low"], 100 * score["high"]
