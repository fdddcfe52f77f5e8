"""WeMath: does the model master a composite problem and the steps that it consists of?

If every step and the composite are right, it is mastered (CM). If the steps are right and the composite is
wrong, that is inadequate generalization (IG). If a step and the composite are wrong, that is insufficient
knowledge (IK). If a step is wrong and the composite is right, that is rote memorization (RM). In the loose
score, it is RM only if every step is wrong. A composite with an unreadable row is never mastered.

Score = (composites - IG/2 - RM - IK) / composites. The cluster is the composite.
"""

import re
from typing import Any

import pandas as pd

from r1v3.evaluate.items.item import Item, make_item
from r1v3.evaluate.items.rows import Row, UnreadableFileError
from r1v3.evaluate.scorers import RunScore, part_value
from r1v3.recipe.tables.benchmarks import Benchmark


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    return [make_item(row, entry, **describe_row(row, entry)[0])]


def describe_row(row: Row, entry: Benchmark) -> list[dict[str, Any]]:
    steps, _, part = row["key"].partition("_")
    if not (steps and part and row["ID"]):
        raise ValueError(f"key {row['key']!r} with ID {row['ID']!r} names no part of a composite")
    extra = {"steps": steps, "place": part}
    cluster = f"{steps}/{row['ID']}"
    return [{"key": row["index"], "cluster": cluster, "columns": {}, "extra": extra}]


def score_items(judged: pd.DataFrame, entry: Benchmark) -> RunScore:
    # An unreadable row may not say which composite it belongs to.
    judged = judged[[bool(extra) for extra in judged["extra"]]]
    place = pd.Series([extra["place"] for extra in judged["extra"]], index=judged.index)
    steps = pd.Series([extra["steps"] for extra in judged["extra"]], index=judged.index)
    complete = _complete(judged["cluster"], place)
    incomplete = sorted(set(judged["cluster"]) - complete)
    if not complete:
        raise UnreadableFileError("WeMath: no composite has its whole and all its steps")
    kept = judged["cluster"].isin(complete)
    judged, place, steps = judged[kept], place[kept], steps[kept]
    whole = judged[place == "multi"].set_index("cluster")["correct"].sort_index()
    part = judged[place != "multi"].groupby("cluster", sort=True)["correct"]
    every, some = part.all(), part.any()
    kinds = {
        "IK": ~every & ~whole,
        "IG": every & ~whole,
        "CM_strict": every & whole,
        "RM_strict": ~every & whole,
        "CM_loose": some & whole,
        "RM_loose": ~some & whole,
    }
    parts = {}
    for name in ("strict", "loose"):
        lost = kinds["IG"] * 0.5 + kinds["IK"] * 1.0 + kinds[f"RM_{name}"] * 1.0
        parts[name] = pd.DataFrame({"got": 1.0 - lost, "of": 1.0})
        if entry.unreadable.scored == "wrong" and incomplete:
            nothing = pd.DataFrame({"got": 0.0, "of": 1.0}, index=incomplete)
            parts[name] = pd.concat([parts[name], nothing]).sort_index()
    details = {name: float(kind.mean()) for name, kind in kinds.items()}
    for name in ("strict", "loose"):
        mastered = float((kinds[f"CM_{name}"] | kinds[f"RM_{name}"]).sum())
        if mastered:
            details[f"RM_rate_{name}"] = float(kinds[f"RM_{name}"].sum()) / mastered
    details["incomplete_composites"] = float(len(incomplete))
    details["loose"] = part_value(parts["loose"])
    details["one_step"] = float(judged[place != "multi"]["correct"].mean())
    for count, rows in judged[place == "multi"].groupby(steps, sort=True):
        details[count] = float(rows["correct"].mean())
    return RunScore(parts, ("strict",), details)


def _complete(cluster: pd.Series, place: pd.Series) -> set[str]:
    """Return the composites that have one whole and each of their steps (`2steps/7`: steps 1 and 2)."""
    places = place.groupby(cluster).agg(list)
    return {
        str(name)
        for name, found in places.items()
        if (count := re.match(r"\d+", str(name)))
        and sorted(found) == sorted(["multi", *map(str, range(1, int(count[0]) + 1))])
    }
