"""The table of thinking modes (sections 6.2 and 6.3): accuracy and mean length of every way of thinking.

One checkpoint, one benchmark, one row a way. A cap cuts the response as in figure 9; a budget closes the
thought there and asks for the answer.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from r1v3.evaluate.tables import Grid, cell, percent, write_tables

MEANING = {
    "slow": "the template opens the thought",
    "nothink": "no thought is opened",
    "nowait": "words of deliberation are banned",
    "cap": "at most {} new tokens",
    "force": "the thought is closed at {} tokens, then answered",
}


@dataclass(frozen=True)
class Row:
    """A way of thinking and its scores of one benchmark, an entry of `scores.json`."""

    way: str
    benchmark: str
    score: dict


def read_row(scores: Path) -> Row:
    """The row of an evaluation's `scores.json`; the suite's name, in `config.json`, ends in the way.

    Raises:
        ValueError: the suite has no way of thinking in its name, or more than one benchmark.
    """
    name = json.loads((scores.parent / "config.json").read_text())["name"]
    benchmarks = json.loads(scores.read_text())["benchmarks"]
    way = name.partition("__")[2]
    if not way or len(benchmarks) != 1:
        raise ValueError(f"{scores}: a suite of one benchmark, as checkpoint__nowait, is expected")
    ((benchmark, score),) = benchmarks.items()
    return Row(way, benchmark, score)


def mode_table(rows: list[Row]) -> Grid:
    """Accuracy with its interval, and mean tokens; differences to `slow`, where that was measured.

    Raises:
        ValueError: the rows are of several benchmarks.
    """
    benchmarks = sorted({row.benchmark for row in rows})
    if len(benchmarks) != 1:
        raise ValueError(f"a table of modes has one benchmark, not {', '.join(benchmarks)}")
    slow = next((row.score for row in rows if row.way == "slow"), None)
    first = rows[0].score
    header = [
        "Mode",
        "meaning",
        "accuracy, %",
        "against slow",
        "mean tokens",
        "against slow",
        "cut, %",
    ]
    lines = [
        [
            row.way,
            meaning(row.way),
            cell(row.score),
            _points(row.score["mean"], slow and slow["mean"]),
            f"{row.score['tokens']:.1f}",
            _ratio(row.score["tokens"], slow and slow["tokens"]),
            percent(row.score["truncated"]),
        ]
        for row in rows
    ]
    caption = (
        f"{benchmarks[0]}: {first['n']} items, {first['runs']} runs; mean over runs [interval over items]."
        " Tokens are new ones, the closing of a thought included. Cut: responses that reached a limit."
    )
    return Grid(caption, header, lines)


def meaning(way: str) -> str:
    """What a way does, in a few words."""
    kind, _, budget = way.partition("_")
    return MEANING[kind].format(budget)


def _points(share: float, other: float | None) -> str:
    return "-" if other is None else f"{100 * (share - other):+.1f}"


def _ratio(tokens: float, other: float | None) -> str:
    return f"x{tokens / other:.2f}" if other else "-"


def write_modes(scores: list[Path], output: Path) -> None:
    """Write the table beside `output`, which is its Markdown form."""
    write_tables(mode_table([read_row(path) for path in scores]), output.parent, output.stem)
