"""Draws figures as SVG text, in colours that colour-blind people can tell apart (Okabe and Ito).

Equal results give equal bytes. Colours are CSS variables with a fallback: a page can replace them on a dark
background, and the file alone is complete. Text stays text.
"""

import io
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

INK = "#1b1b1b"
GRID = "#d8d8d8"
PALETTE = {
    "blue": "#0072b2",
    "vermilion": "#d55e00",
    "green": "#009e73",
    "purple": "#cc79a7",
    "orange": "#e69f00",
    "sky": "#56b4e9",
}
CYCLE = list(PALETTE.values())
MARKERS = "osD^vP"
SIZE = (3.6, 2.5)
STYLE: dict[Any, Any] = {  # matplotlib's keys are a Literal of hundreds of names
    "text.parse_math": False,  # labels are text, so a `$` in a name of a data set is no formula
    "svg.fonttype": "none",
    "svg.hashsalt": "r1v3",
    "font.family": [
        "DejaVu Sans"
    ],  # comes with matplotlib, so that layouts are the same everywhere
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.8,
}


HOVERED = 24  # most points of a curve that show their values


def hover(artist: Any, text: str) -> None:
    """Make an artist show a text under the mouse; `to_svg` writes the text as an SVG title."""
    artist.set_gid(f"hover-{text.encode().hex()}")


def hover_points(
    axes: Any, xs: Sequence[float], ys: Sequence[float], label: str, *, x: str = "step"
) -> None:
    """Add invisible marks along a line that show its values under the mouse; at most `HOVERED` of them."""
    count = len(xs)
    for place in sorted({round(n * (count - 1) / max(1, HOVERED - 1)) for n in range(HOVERED)}):
        if place < count:
            # The mark belongs to the figure, so that the legend's search for free space ignores it.
            mark = Line2D(
                [xs[place]],
                [ys[place]],
                marker="o",
                markersize=8,
                alpha=0,
                transform=axes.transData,
            )
            mark.set_in_layout(False)
            axes.figure.add_artist(mark)
            hover(mark, f"{label}, {x} {xs[place]:g}: {ys[place]:.4g}")


def curves(
    name: str,
    alt: str,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    y: str,
    x: str = "step",
    marks: Iterable[tuple[float, str]] = (),
    smooth: bool = True,
    from_zero: bool = False,
) -> str:
    """Draw lines over steps: a running mean over the faint raw values, and marked steps as dashed lines."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _panel()
        for number, (label, (steps, values)) in enumerate(lines.items()):
            colour = CYCLE[number % len(CYCLE)]
            if smooth and len(values) >= 20:
                axes.plot(steps, values, color=colour, linewidth=0.7, alpha=0.35)
                values = running_mean(values)
            marker = MARKERS[number % len(MARKERS)] if len(values) < 20 else None
            axes.plot(steps, values, color=colour, marker=marker, markersize=4, label=label)
            hover_points(axes, steps, values, label, x=x)
        for step, text in marks:
            axes.axvline(step, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
            place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
            axes.annotate(text, (step, 1.0), xytext=(3, -2), va="top", fontsize=8, **place)
        axes.set_xlabel(x)
        axes.set_title(y, fontsize=9, loc="left")
        if from_zero:
            axes.set_ylim(bottom=0)
        if len(lines) > 1:
            axes.legend()
        return to_svg(figure, name, alt)


def strip(name: str, alt: str, panels: list[dict]) -> str:
    """Draw several panels of curves in a row on white, for a page that has no style of its own.

    Each panel has `y` (its title) and `lines`, {label: (steps, values)}.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.3 * len(panels), 2.6), layout="constrained", facecolor="white")
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
            for colour, (label, (steps, values)) in zip(CYCLE, panel["lines"].items()):
                axes.plot(steps, values, color=colour, linewidth=0.7, alpha=0.35)
                axes.plot(steps, running_mean(values), color=colour, label=label)
            axes.set_title(panel["y"], fontsize=9, loc="left")
            axes.set_xlabel("step")
            if len(panel["lines"]) > 1:
                axes.legend()
        return to_svg(figure, name, alt, ground="white")


def scatter(name: str, alt: str, points: list[dict], *, x: str, y: str) -> str:
    """Draw points with intervals; each has x, y, x_low, x_high, y_low, y_high, label, chosen."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _panel((4.8, 3.2))
        for point in points:
            colour = PALETTE["vermilion"] if point["chosen"] else PALETTE["blue"]
            drawn = axes.errorbar(
                point["x"],
                point["y"],
                xerr=[[point["x"] - point["x_low"]], [point["x_high"] - point["x"]]],
                yerr=[[point["y"] - point["y_low"]], [point["y_high"] - point["y"]]],
                color=colour,
                fmt="D" if point["chosen"] else "o",
                markersize=7 if point["chosen"] else 5,
                elinewidth=0.9,
                capsize=2,
            )
            hover(
                drawn.lines[0],
                f"step {point['label']}: {point['x']:.3f} ({point['x_low']:.3f} to {point['x_high']:.3f});"
                f" {point['y']:.1f} ({point['y_low']:.1f} to {point['y_high']:.1f})",
            )
            axes.annotate(
                point["label"], (point["x"], point["y"]), xytext=(6, 5), textcoords="offset points"
            )
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        return to_svg(figure, name, alt)


def bars(name: str, alt: str, counts: Mapping[str, float], *, x: str, colour: str = "blue") -> str:
    """Draw horizontal bars in the given order, each with its number."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _panel((SIZE[0], 0.6 + 0.22 * len(counts)))
        places = range(len(counts))
        drawn = axes.barh(places, list(counts.values()), color=PALETTE[colour], height=0.72)
        for bar, (label, count) in zip(drawn, counts.items(), strict=True):
            hover(bar, f"{label}: {count:,}")
        axes.set_yticks(list(places), list(counts))
        axes.set_ylim(len(counts) - 0.4, -0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        longest = max(counts.values(), default=1)
        for place, count in zip(places, counts.values(), strict=True):
            axes.text(count + 0.015 * longest, place, f"{count:,}", va="center", fontsize=8)
        axes.set_xlim(0, 1.2 * longest)
        axes.locator_params(axis="x", nbins=4)
        axes.set_xlabel(x)
        return to_svg(figure, name, alt)


def dots(name: str, alt: str, points: list[tuple[str, float, float, float]], *, x: str) -> str:
    """Draw a dot with its interval for each (label, mean, low, high), from the top down, in percent."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _panel((6.2, 0.6 + 0.23 * len(points)))
        _dotted(axes, points)
        axes.set_xlim(0, 100)
        axes.set_xlabel(x)
        return to_svg(figure, name, alt)


def intervals(
    name: str, alt: str, points: list[tuple[str, float, float, float, str]], *, x: str
) -> str:
    """Draw effects with their intervals around zero, from the top down.

    Args:
        points: label, estimate, low, high and a name of `PALETTE`.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = _panel((6.8, 0.7 + 0.24 * len(points)))
        axes.axvline(0, color=INK, linewidth=0.8)
        _dotted(axes, [each[:4] for each in points], [each[4] for each in points])
        axes.set_xlabel(x)
        return to_svg(figure, name, alt)


def stages(
    name: str, alt: str, lines: Mapping[str, list[tuple[str, float, float, float]]], *, y: str
) -> str:
    """Draw a line for each set over the stages of training, each point with its interval, in percent."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _panel((4.6, 3.0))
        labels: list[str] = []
        for number, (label, points) in enumerate(lines.items()):
            labels = [each[0] for each in points]
            places = [n + 0.06 * number for n in range(len(points))]
            means = [each[1] for each in points]
            colour = CYCLE[number % len(CYCLE)]
            axes.plot(places, means, color=colour, label=label, linewidth=1.2, alpha=0.6)
            for place, (stage, mean, low, high) in zip(places, points, strict=True):
                axes.plot([place, place], [low, high], color=colour, linewidth=1.4)
                (mark,) = axes.plot(
                    [place], [mean], MARKERS[number % len(MARKERS)], color=colour, markersize=6
                )
                hover(mark, f"{label}, {stage}: {mean:.1f} % ({low:.1f} to {high:.1f})")
                axes.annotate(
                    f"{mean:.0f}",
                    (place, mean),
                    xytext=(6, 3),
                    textcoords="offset points",
                    fontsize=8,
                )
        axes.set_xticks(range(len(labels)), [_folded(label) for label in labels], fontsize=8)
        axes.set_xlim(-0.3, len(labels) - 0.4)
        axes.set_ylim(0, 100)
        axes.set_title(y, fontsize=9, loc="left")
        axes.legend(loc="lower right")
        return to_svg(figure, name, alt)


def bars_beside(
    name: str,
    alt: str,
    panels: list[tuple[str, dict[str, dict[str, tuple[float, float, float]]]]],
    *,
    y: str,
    most: float = 100,
) -> str:
    """Draw grouped bars in panels side by side, each with its own axis: ours, and what was published.

    Args:
        panels: a title, and {model: {label: (value, low, high)}}. A published score has no interval, so its
            low and high are the score.
        most: upper end of the axis.
    """
    with matplotlib.rc_context(STYLE):
        labels = list(
            dict.fromkeys(k for _, models in panels for each in models.values() for k in each)
        )
        most_models = max(len(models) for _, models in panels)
        bars = max(0.1 * len(labels) * most_models, 0.24 * len(labels), 1.0)
        # The title is above, ticks and their label below. The legends are under them and saved with the rest.
        figure = Figure(figsize=(4.4 * len(panels) + 1.2, bars + 0.9), layout="constrained")
        every = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        number = 0
        for axes, (title, models) in zip(every, panels, strict=True):
            axes.set_facecolor("none")
            wide = 0.8 / max(1, len(models))
            for place, (model, scores) in enumerate(models.items()):
                colour = CYCLE[number % len(CYCLE)]
                number += 1
                for row, label in enumerate(labels):
                    if label not in scores:
                        continue
                    value, low, high = scores[label]
                    at = row - 0.4 + wide * (place + 0.5)
                    (bar,) = axes.barh([at], [value], 0.9 * wide, color=colour)
                    if high > low:
                        axes.plot([low, high], [at, at], color=INK, linewidth=0.9)
                    said = f" ({low:.1f} to {high:.1f})" if high > low else ""
                    hover(bar, f"{model}, {label}: {value:.1f}{said}")
                axes.plot([], [], color=colour, linewidth=6, label=model)
            axes.set_yticks(range(len(labels)), labels)
            axes.set_ylim(len(labels) - 0.4, -0.6)
            axes.set_xlim(0, most)
            axes.grid(visible=False, axis="y")
            axes.set_axisbelow(True)
            axes.set_title(title, fontsize=9, loc="left")
            axes.set_xlabel(y)
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.45 / bars), ncols=2)
        return to_svg(figure, name, alt, box="tight")


def _dotted(
    axes: Any, points: list[tuple[str, float, float, float]], colours: Sequence[str] = ()
) -> None:
    for place, (label, mean, low, high) in enumerate(points):
        colour = PALETTE[colours[place] if colours else "blue"]
        axes.plot([low, high], [place, place], color=colour, linewidth=1.4)
        (mark,) = axes.plot(mean, place, color=colour, marker="o", markersize=5)
        hover(mark, f"{label}: {mean:.3g} ({low:.3g} to {high:.3g})")
    axes.set_yticks(range(len(points)), [label for label, *_ in points])
    axes.set_ylim(len(points) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _folded(label: str) -> str:
    """Break a label into lines of about fourteen characters."""
    return textwrap.fill(label, 14)


def running_mean(values: Sequence[float], window: int | None = None) -> list[float]:
    """Return the mean of a window around each value, shorter at the ends; by default a fifteenth of all."""
    window = window or max(3, len(values) // 15)
    half = window // 2
    array = np.asarray(values, dtype=float)
    return [float(array[max(0, n - half) : n + half + 1].mean()) for n in range(len(array))]


def to_svg(
    figure: Figure,
    name: str,
    alt: str,
    ground: str = "none",
    box: Literal["tight"] | None = None,
) -> str:
    """Return the figure as an `<svg>` element with a text alternative. Its ids begin with its name.

    Args:
        box: `tight` includes what is drawn outside the figure's size.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", facecolor=ground, bbox_inches=box, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(
        r'<g id="hover-([0-9a-f]*)">',
        lambda found: f"<g><title>{escape(bytes.fromhex(found[1]).decode())}</title>",
        text,
    )
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'xlink:href="#', f'href="#{name}-', text)
    text = text.replace("url(#", f"url(#{name}-")
    text = text.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    for colour, hexadecimal in PALETTE.items():
        text = text.replace(hexadecimal, f"var(--{colour}, {hexadecimal})")
    text = text.replace(INK, f"var(--ink, {INK})").replace(GRID, f"var(--grid, {GRID})")
    view = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', text)
    assert view is not None, "matplotlib writes a view box, in points"
    width, height = (round(float(side) * 96 / 72) for side in view.groups())
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(alt)}" '
        f'width="{width}" height="{height}" '
    )
    body = text[text.index(">") + 1 :]
    return f'{head}{view[0]} style="stroke-linejoin: round; stroke-linecap: butt">{body}\n'


def _panel(size: tuple[float, float] = SIZE) -> tuple:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("none")
    return figure, axes
