"""Parts of our page beyond the core path.

They are an index of the report's tables and figures, departures from the report, studies, claims and cost.
The page shows the studies and claims that have been run, and says how to make the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1v3.analyze.cost import cost_rows
from r1v3.analyze.results import differing_keys, dotted
from r1v3.base.json_file import read_json
from r1v3.recipe.load import COMPLETE, load_recipe
from r1v3.recipe.schema.recipe import Recipe

# A table or figure of the report, its content, and its anchor on our page; `study-<name>` is a study.
INDEX = (
    ("Table 1", "20 benchmarks", "benchmarks"),
    ("Table 2", "what to tune after RL", "study-tuning"),
    ("Table 3", "memorisation and generalisation", "study-memorisation"),
    ("Table 4", "slow and fast thinking", "study-thinking"),
    ("Table 5", "the picture said not to be seen", "study-hallucination"),
    ("Figure 1", "all benchmarks", "figure-1"),
    ("Figure 2", "the three training sets", "data"),
    ("Figure 3", "PhyX", "figure-3"),
    ("Figure 4", "GAOKAO 2025", "figure-4"),
    ("Figure 5", "critical entropy against MMMU", "study-entropy"),
    ("Figure 6", "which modules are trained", "study-freeze"),
    ("Figure 7", "curriculum and rates, stage one", "study-curriculum"),
    ("Figure 8", "rates, stage two", "study-rates"),
    ("Figure 9", "thinking budgets", "study-budgets"),
    ("Figure 10", "distribution of entropy", "study-uncertainty"),
    ("Figure 11", "response length", "study-incentive"),
    ("Figures 12 to 15", "responses", "gallery"),
)

# Where we depart from the report, or where the report is silent. Numbers have a table of their own.
DEPARTURES = (
    "Equation 7 writes the reference policy below the ratio's line. Here stands the policy that sampled, as"
    " in equation 5; the study of Clip-Higher runs the equation as it stands, too.",
    "With one gradient step an episode, as section 3.3 states, the ratio is 1 and no clip acts.",
    "“Mini-batch size of 32” is read as 32 prompts; with rollouts there were 32 steps an episode.",
    "“Removed” connector (section 5.2): its last layer is zero and stays so, and only the language model is"
    " trained.",
    "The checkpoint is chosen on a probe set of its own. No benchmark takes part; the report chooses on a"
    " validation set that it does not name.",
    "Controls that the report has not: a second stage on normal problems and on a mixture; table 2 at equal"
    " length; a ban on other frequent words; correlations with the step taken out.",
)


def index_rows(studies: dict[str, Any]) -> list[dict[str, str | None]]:
    """List every table and figure of the report with its place here; `missing` names a study not yet run."""
    rows: list[dict[str, str | None]] = []
    for what, shows, anchor in INDEX:
        name = anchor.removeprefix("study-")
        missing = name if anchor.startswith("study-") and name not in studies else None
        rows.append({"what": what, "shows": shows, "anchor": anchor, "missing": missing})
    return rows


@dataclass(frozen=True)
class ChangedNumber:
    """A number of the recipe that differs from the report's; empty if one of the two has no such key.

    Attributes:
        key: dotted key below its section.
    """

    key: str
    ours: str
    paper: str


def changed_numbers(
    root: Path, recipe: str, overlay: Path | None = None
) -> dict[str, list[ChangedNumber]]:
    """Find the core path's numbers that differ from the report's, by section.

    Args:
        root: root of the checkout.

    Raises:
        RecipeError: a recipe has mistakes.
    """
    folder = root / "config" / "recipes"
    paper = _sections(load_recipe(folder, COMPLETE)[0])
    ours = _sections(load_recipe(folder, recipe, overlay)[0])
    found: dict[str, list[ChangedNumber]] = {}
    for section in paper:
        here, there = dotted(ours[section]), dotted(paper[section])
        keys = differing_keys(there, here)
        found[section] = [ChangedNumber(k, here.get(k, ""), there.get(k, "")) for k in keys]
    return found


def _sections(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Return the settings of the core path as plain values."""
    return {
        "sft.cold_start": recipe.sft["cold_start"].model_dump(),
        "grpo.math": recipe.grpo["math"].model_dump(),
        "sft.connector_tuning": recipe.sft["connector_tuning"].model_dump(),
        "selection": recipe.selection.model_dump(),
        "evaluation": recipe.evaluation.model_dump(exclude={"benchmarks"}),
    }


def extras(
    *,
    studies: Sequence[Path],
    claims: Path | None,
    changed: Mapping[str, Sequence[ChangedNumber]],
    pages: Path,
    root: Path,
) -> dict[str, Any]:
    """Return the values that the template shows beyond the core path.

    Args:
        studies: the JSON of each study that was run, in order.
        claims: claims.json; None if the ledger was not made.
        changed: result of `changed_numbers`.
        pages: folder of figures 1, 3 and 4.
        root: results/.
    """
    found = {path.stem: read_json(path) for path in studies}
    figures = {}
    for number in (1, 3, 4):
        path = pages / f"figure_{number}.svg"
        figures[number] = path.read_text(encoding="utf-8") if path.exists() else None
    return {
        "index": index_rows(found),
        "departures": DEPARTURES,
        "changed": changed,
        "studies": found,
        "ledger": read_json(claims) if claims else None,
        "cost": cost_rows(root),
        "figures": figures,
    }
