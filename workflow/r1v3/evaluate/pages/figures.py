"""Figures 1, 3 and 4 as plots: all benchmarks, PhyX, and the GAOKAO ranking, ours beside the published.

Where ours are scores of miniatures the figure says so in its title: they are another scale.
"""

from pathlib import Path

from r1v3.recipe.tables.benchmarks import MODELS, ListedBenchmark

COLOURS = ("#0072b2", "#999999", "#56b4e9", "#e69f00", "#cc79a7", "#009e73", "#d55e00")
SCALE = "ours: tiny model on miniatures, another scale"


def figure_1(
    table: dict[str, ListedBenchmark], ours: dict[str, dict], path: Path, *, miniature: bool
) -> None:
    """Bars of every benchmark of Table 1, ours first, with its interval.

    Args:
        ours: for each model its `benchmarks` of `scores.json`.
    """
    names = [name for name, entry in table.items() if entry.published]
    _bars(table, names, ours, path, f"Table 1{f' ({SCALE})' if miniature else ''}", width=16)


def figure_3(
    table: dict[str, ListedBenchmark], ours: dict[str, dict], path: Path, *, miniature: bool
) -> None:
    """Bars of PhyX, choices with minimal text."""
    title = f"PhyX, choices, minimal text{f' ({SCALE})' if miniature else ''}"
    _bars(table, ["phyx_mini_mc"], ours, path, title, width=7)


def figure_4(
    entry: ListedBenchmark, ours: dict[str, dict], path: Path, *, miniature: bool, paper: int = 150
) -> dict[str, float]:
    """The ranking on the GAOKAO paper of 150 points; returns the points.

    Args:
        ours: for each model the exam's entry of its `scores.json`; marks by hand are in it.
    """
    published = entry.published_points or {}
    marks = {MODELS[model]: points for model, points in published.items()}
    marks |= {model: round(paper * score["mean"], 1) for model, score in ours.items()}
    title = f"GAOKAO 2025 mathematics, paper I{f' ({SCALE})' if miniature else ''}"
    _ranking(marks, title, paper, path)
    return marks


def _ranking(marks: dict[str, float], title: str, paper: int, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ranked = sorted(marks.items(), key=lambda pair: pair[1])
    figure, axes = plt.subplots(figsize=(7, 1 + 0.35 * len(ranked)), layout="constrained")
    bars = axes.barh(
        [name for name, _ in ranked], [points for _, points in ranked], color=COLOURS[0]
    )
    axes.bar_label(bars, fmt="%g", padding=3)
    axes.set(xlim=(0, paper), xlabel=f"points of {paper}", title=title)
    figure.savefig(path)
    plt.close(figure)


def _bars(table, names: list[str], ours: dict, path: Path, title: str, *, width: float) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(width, 4.5), layout="constrained")
    columns = [*ours, *MODELS]
    step = 0.85 / len(columns)
    for place, column in enumerate(columns):
        xs = [n - 0.425 + step * (place + 0.5) for n in range(len(names))]
        heights, reach = [], []
        for name in names:
            score = ours[column].get(name) if column in ours else None
            published = table[name].published.get(column)
            height = 100 * score["mean"] if score else published.score if published else 0.0
            heights.append(height)
            reach.append(
                (height - 100 * score["low"], 100 * score["high"] - height) if score else (0.0, 0.0)
            )
        errors = list(zip(*reach)) if column in ours else None
        label = column if column in ours else MODELS[column]
        colour = COLOURS[place % len(COLOURS)]
        axes.bar(xs, heights, step, yerr=errors, label=label, color=colour, error_kw={"lw": 0.8})
    slanted = {"rotation": 40, "ha": "right"} if len(names) > 1 else {}
    axes.set_xticks(range(len(names)), [table[name].title for name in names], **slanted)
    axes.set(ylim=(0, 100), ylabel="score, %", title=title)
    axes.legend(ncols=min(4, len(columns)), fontsize=8)
    figure.savefig(path)
    plt.close(figure)
