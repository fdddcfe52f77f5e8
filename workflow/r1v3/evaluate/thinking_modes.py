"""The table of thinking modes (sections 6.2 and 6.3): accuracy and mean length in every thinking mode.

It is about one checkpoint, with one row a mode for each benchmark and held-out set. A cap cuts the response
off as in figure 9. A budget closes the thought there and asks for the answer.
"""

from dataclasses import dataclass
from pathlib import Path

from r1v3.base.json_file import read_json
from r1v3.evaluate.pages.tables import cell
from r1v3.evaluate.statistics import detectable_difference, share_error, wilson
from r1v3.recipe.graph.configs import EvaluationConfig
from r1v3.recipe.outputs.stage import read_config
from r1v3.render.page import percent
from r1v3.render.text_table import TextTable, write_tables

MEANING = {
    "slow": "the template opens the thought",
    "nothink": "no thought is opened",
    "nowait": "words of deliberation are banned",
    "nocontrol": "other frequent words are banned",
    "nocannotsee": "words of not seeing the image are banned",
    "cap": "at most {} new tokens",
    "force": "the thought is closed at {} tokens, then answered",
}


@dataclass(frozen=True)
class ModeScore:
    """A thinking mode and its scores on one benchmark or held-out set."""

    thinking_mode: str
    benchmark: str
    score: dict


def read_mode_scores(scores: Path) -> list[ModeScore]:
    """Read an evaluation's `scores.json`. The suite's name, in `config.json`, ends with the mode.

    A held-out set has one greedy answer to each question; its interval is Wilson's for that number.

    Raises:
        ValueError: the suite has no thinking mode in its name.
    """
    config = read_config(scores.parent / "config.json", EvaluationConfig)
    mode = config.name.partition("__")[2]
    if not mode:
        raise ValueError(
            f"{scores}: a suite with a thinking mode, as checkpoint__nowait, is expected"
        )
    confidence = config.evaluation.confidence
    content = read_json(scores, "benchmarks", "held_out")
    rows = [ModeScore(mode, name, score) for name, score in content["benchmarks"].items()]
    for name, score in content["held_out"].items():
        low, high = wilson(score["accuracy"], score["n"], confidence)
        error = share_error(score["accuracy"], score["n"])
        shows = detectable_difference(error, correlation=0.0, confidence=confidence)
        known = {"mean": score["accuracy"], "low": low, "high": high, "runs": 1}
        known["detectable_difference"] = shows
        rows.append(ModeScore(mode, f"held-out {name}", score | known))
    return rows


def mode_table(rows: list[ModeScore]) -> TextTable:
    """Tabulate accuracy with its interval and mean tokens, with differences to `slow` if it was measured."""
    header = [
        "Mode",
        "meaning",
        "accuracy, %",
        "against slow",
        "mean tokens",
        "against slow",
        "cut, %",
        "shows",
    ]
    lines: list[list[str]] = []
    for benchmark in dict.fromkeys(row.benchmark for row in rows):
        own = [row for row in rows if row.benchmark == benchmark]
        slow = next((row.score for row in own if row.thinking_mode == "slow"), None)
        runs = own[0].score["runs"]
        lines.append([f"{benchmark}: {own[0].score['n']} items, {runs} run{'s' * (runs > 1)}"])
        for row in own:
            line = [row.thinking_mode, meaning(row.thinking_mode), cell(row.score)]
            line += [
                _points(row.score["mean"], slow["mean"] if slow else None),
                f"{row.score['tokens']:.1f}",
            ]
            line += [_ratio(row.score["tokens"], slow["tokens"] if slow else None)]
            shows = percent(row.score["detectable_difference"])
            lines.append([*line, percent(row.score["truncated"]), shows])
    caption = (
        "Mean over runs [interval over items]. Tokens are new ones, the closing of a thought included."
        " Cut: responses that reached a limit. Shows: the smallest difference between two models, each on"
        " items of its own, that this many items show with 80 % power."
    )
    return TextTable(caption, header, lines)


def meaning(thinking_mode: str) -> str:
    """Say what a thinking mode does, in a few words."""
    kind, _, budget = thinking_mode.partition("_")
    return MEANING[kind].format(budget)


def _points(share: float, other: float | None) -> str:
    return "-" if other is None else f"{round(100 * (share - other), 1) + 0.0:+.1f}"


def _ratio(tokens: float, other: float | None) -> str:
    return f"x{tokens / other:.2f}" if other else "-"


def write_modes(scores: list[Path], output: Path) -> None:
    """Write the table in all formats; `output` is its Markdown form."""
    write_tables(
        mode_table([row for path in scores for row in read_mode_scores(path)]),
        output.parent,
        output.stem,
    )
