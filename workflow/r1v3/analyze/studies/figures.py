"""A study's figures with their data: curves with intervals over seeds, measures by step, arms side by side.

Each figure is drawn from one table. The table is written as CSV, and the figure as SVG for the page and as
PNG for slides.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from r1v3.analyze.studies.effects import single
from r1v3.analyze.studies.evidence import Evidence
from r1v3.render.figures import CYCLE, MARKERS, PALETTE, STYLE, hover, running_mean, to_svg

TITLES = {
    "reward": "reward",
    "accuracy": "accuracy of samples",
    "format": "format reward",
    "grad_norm": "gradient norm, all groups",
    "grad_norm/vision_tower": "gradient norm, vision tower",
    "grad_norm/connector": "gradient norm, connector",
    "grad_norm/llm": "gradient norm, language model",
    "entropy": "entropy of sampled tokens, nats",
    "response_length": "response length, tokens",
    "repetition": "repeated share of a response",
    "zero_variance_groups": "groups of equal rewards, share",
    "zero_variance_in_accuracy": "groups of equal accuracy, share",
    "clip_fraction": "share of tokens clipped",
    "critical_token_entropy": "entropy at critical tokens, nats",
    "critical_share": "critical tokens a response",
    "high_entropy_share": "share of tokens above the threshold",
    "loss": "loss, nats a token",
    "validation_loss": "validation loss, nats a token",
}
DASHES = ("-", (0, (5, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)))


@dataclass(frozen=True)
class DrawnFigure:
    """A figure: its name, a description in words, its pictures, and the table that it is drawn from."""

    name: str
    alt: str
    svg: str
    png: bytes
    table: pd.DataFrame


def curve_table(evidence: Evidence, key: str) -> pd.DataFrame:
    """Return a metric by arm, seed and step."""
    parts = []
    for label in evidence.study.arms:
        for seed in evidence.seeds_of(label):
            curve = evidence.curve(label, seed, key)
            parts.append(
                pd.DataFrame(
                    {"arm": label, "seed": seed, "step": curve.index, "value": curve.to_numpy()}
                )
            )
    table = pd.concat(parts, ignore_index=True)
    return table.drop_duplicates(["arm", "seed", "step"])


def step_table(evidence: Evidence, measure: str) -> pd.DataFrame:
    """Return a measure of every kept checkpoint of the GRPO arms, in percent, with its interval."""
    rows = []
    for label in evidence.study.arms:
        for step in evidence.steps(label):
            found = single(
                [evidence.items_at(label, measure, seed, step) for seed in evidence.seeds_of(label)]
            )
            rows.append(
                {
                    "arm": label,
                    "step": step,
                    "value": 100 * found.estimate,
                    "low": 100 * found.low,
                    "high": 100 * found.high,
                }
            )
    return pd.DataFrame(rows)


def arm_table(evidence: Evidence, measure: str) -> pd.DataFrame:
    """Return a measure of every arm, in percent or tokens, with its interval."""
    scale = 1 if measure.startswith("tokens:") else 100
    rows = []
    for label in evidence.study.arms:
        found = single([evidence.items(label, measure, seed) for seed in evidence.seeds_of(label)])
        rows.append(
            {
                "arm": label,
                "value": scale * found.estimate,
                "low": scale * found.low,
                "high": scale * found.high,
                "items": found.items,
                "seeds": found.seeds,
            }
        )
    return pd.DataFrame(rows)


def draw_curves(
    name: str, table: pd.DataFrame, title: str, *, intervals: bool = False
) -> DrawnFigure:
    """Draw a line for each arm by step. Bands are intervals over seeds, or over items with `intervals`."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _panel()
        said = []
        for place, (label, part) in enumerate(table.groupby("arm", sort=False)):
            style = {"color": CYCLE[place % len(CYCLE)], "linestyle": DASHES[place % len(DASHES)]}
            if intervals:
                axes.plot(
                    part["step"],
                    part["value"],
                    marker=MARKERS[place % len(MARKERS)],
                    markersize=4,
                    label=label,
                    **style,
                )
                axes.fill_between(
                    part["step"],
                    part["low"],
                    part["high"],
                    alpha=0.12,
                    color=style["color"],
                    linewidth=0,
                )
                ends = part["value"].iloc[[0, -1]]
            else:
                ends = _line(axes, part, str(label), style)
            said.append(f"{label} from {ends.iloc[0]:.3g} to {ends.iloc[-1]:.3g}")
        axes.set_xlabel("step")
        axes.set_title(title, fontsize=9, loc="left")
        if len(set(table["arm"])) > 1:
            axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
        alt = f"{title} by step: {'; '.join(said)}"
        return _drawn(figure, name, alt, table)


def draw_arms(
    name: str,
    table: pd.DataFrame,
    title: str,
    published: dict[str, float],
    *,
    one_scale: bool,
) -> DrawnFigure:
    """Draw a dot with its interval for each arm, and a hollow diamond for the report's number.

    Args:
        published: the report's numbers by arm.
        one_scale: whether both were measured on the same items, so that they share an axis. If not, the
            report's numbers have a panel and an axis of their own.
    """
    known = {arm: published[arm] for arm in table["arm"] if arm in published}
    apart = bool(known) and not one_scale
    with matplotlib.rc_context(STYLE):
        size = (7.2 if apart else 4.6, 0.9 + 0.28 * len(table))
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0)
        panels = figure.subplots(1, 1 + apart, squeeze=False, sharey=True)[0]
        own, theirs = panels[0], panels[-1]
        rows = table.to_dict("records")
        for place, row in enumerate(rows):
            ends = [row["low"], row["high"]]
            own.plot(ends, [place, place], color=PALETTE["blue"], linewidth=1.6)
            (dot,) = own.plot(row["value"], place, "o", color=PALETTE["blue"], markersize=6)
            text = f"{row['arm']}: {row['value']:.1f} ({row['low']:.1f} to {row['high']:.1f})"
            hover(dot, text)
        for place, arm in enumerate(table["arm"]):
            if arm in known:
                (mark,) = theirs.plot(
                    known[arm], place, "D", color=PALETTE["vermilion"], mfc="none", markersize=6
                )
                hover(mark, f"{arm}, the report: {known[arm]:.1f}")
        own.set_yticks(range(len(table)), table["arm"])
        own.set_ylim(len(table) - 0.4, -0.6)
        own.set_xlabel(title)
        for axes in panels:
            axes.patch.set_alpha(0)
            axes.tick_params(axis="y", length=0)
        if apart:
            own.set_title("ours, with interval", fontsize=9, loc="left")
            theirs.set_title("the report's, on the real benchmark", fontsize=9, loc="left")
        elif known:
            own.plot([], [], "o", color=PALETTE["blue"], label="ours, with interval")
            own.plot([], [], "D", color=PALETTE["vermilion"], mfc="none", label="the report's")
            own.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=2)
        said = "; ".join(
            f"{row['arm']} {row['value']:.1f} ({row['low']:.1f} to {row['high']:.1f})"
            for row in rows
        )
        alt = f"{title}: {said}"
        if known:
            alt += "; the report: " + "; ".join(f"{arm} {v:.1f}" for arm, v in known.items())
        return _drawn(figure, name, alt, table)


def draw_points(
    name: str, table: pd.DataFrame, x: str, y: str, titles: tuple[str, str]
) -> DrawnFigure:
    """Draw checkpoints as points, with colour and mark by arm, joined in the order of their steps."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _panel((5.4, 3.6))
        known = table.dropna(subset=[x, y])
        for place, (label, part) in enumerate(known.groupby("arm", sort=False)):
            axes.plot(
                part[x],
                part[y],
                marker=MARKERS[place % len(MARKERS)],
                markersize=5,
                linewidth=0.8,
                color=CYCLE[place % len(CYCLE)],
                linestyle=DASHES[place // len(CYCLE)],
                label=label,
            )
        axes.set_xlabel(titles[0])
        axes.set_ylabel(titles[1])
        axes.legend(fontsize=6.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        alt = f"{titles[1]} against {titles[0]}, {len(known)} checkpoints of {len(set(known['arm']))} runs"
        return _drawn(figure, name, alt, table)


def write_drawn(drawn: DrawnFigure, folder: Path) -> None:
    """Write the figure as SVG and PNG, and its table as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{drawn.name}.svg").write_text(drawn.svg, encoding="utf-8")
    (folder / f"{drawn.name}.png").write_bytes(drawn.png)
    drawn.table.to_csv(folder / f"{drawn.name}.csv", index=False, float_format="%.6g")


def _drawn(figure: Figure, name: str, alt: str, table: pd.DataFrame) -> DrawnFigure:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=160, facecolor="white", metadata={"Software": None})
    return DrawnFigure(name, alt, to_svg(figure, name, alt), stream.getvalue(), table)


def _line(axes: Axes, part: pd.DataFrame, label: str, style: dict[str, Any]) -> pd.Series:
    """Draw the smoothed mean over seeds, with Student's interval if there are several seeds."""
    wide = part.pivot(index="step", columns="seed", values="value").dropna()
    smooth = wide.apply(
        lambda column: pd.Series(running_mean(column.to_list()), index=column.index)
    )
    mean = smooth.mean(axis=1)
    if wide.shape[1] == 1:
        axes.plot(wide.index, wide.mean(axis=1), linewidth=0.6, alpha=0.3, color=style["color"])
    else:
        runs = wide.shape[1]
        reach = stats.t.ppf(0.975, runs - 1) * smooth.std(axis=1, ddof=1) / np.sqrt(runs)
        axes.fill_between(
            mean.index, mean - reach, mean + reach, alpha=0.15, linewidth=0, color=style["color"]
        )
    axes.plot(mean.index, mean, label=label, **style)
    return mean


def _panel(size: tuple[float, float] = (4.2, 3.1)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    return figure, axes
