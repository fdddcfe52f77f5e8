"""Draws claims as effects with intervals, one plot for each unit."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from r1v3.render.figures import intervals

COLOUR_OF = {"reproduced": "green", "contradicted": "vermilion", "by construction": "purple"}
LONGEST = 46  # most characters of a label


def claim_plots(claims: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return `unit` and `svg` of a plot for each unit, with every claim that has an estimate, in order.

    Shares of right answers are drawn in percentage points.
    """
    by_unit: dict[str, list[Mapping[str, Any]]] = {}
    for claim in claims:
        if None not in (claim["estimate"], claim["low"], claim["high"]):
            by_unit.setdefault(claim["unit"], []).append(claim)
    plots = []
    for unit, own in by_unit.items():
        scale = 100 if unit == "points" else 1
        points = [
            (
                _label(claim["claim"]),
                scale * claim["estimate"],
                scale * claim["low"],
                scale * claim["high"],
                COLOUR_OF.get(claim["verdict"], "blue"),
            )
            for claim in own
        ]
        words = unit.replace("_", " ")
        said = "; ".join(
            f"{label} {value:.3g} ({low:.3g} to {high:.3g})"
            for label, value, low, high, _ in points
        )
        name = f"claims-{words.replace(' ', '-')}"
        svg = intervals(name, f"effects in {words}: {said}", points, x=f"effect, {words}")
        plots.append({"unit": words, "svg": Markup(svg)})
    return plots


def _label(claim: str) -> str:
    words = claim.replace("_", " ")
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
