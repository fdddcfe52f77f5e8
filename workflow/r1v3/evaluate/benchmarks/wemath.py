"""WeMath: does the model master a composite problem and the steps it is made of?

With every step right and the composite right it is mastered (CM); steps right and composite wrong is
inadequate generalization (IG); a step wrong and the composite wrong is insufficient knowledge (IK); a
step wrong and the composite right is rote memorization (RM). Loose: RM only if every step is wrong.
Score = (composites - IG/2 - RM - IK) / composites; what is resampled is the composite.
"""

import pandas as pd

from r1v3.evaluate.items.item import Item, Row, make_item
from r1v3.evaluate.scorers import Score, part_value
from r1v3.recipe.tables.benchmarks import Benchmark


def read(row: Row, entry: Benchmark) -> list[Item]:
    steps, _, place = row["key"].partition("_")
    changes = {
        "cluster": f"{steps}/{row['ID']}",
        "columns": {},
        "extra": {"steps": steps, "place": place},
    }
    return [make_item(row, entry, **changes)]


def score(judged: pd.DataFrame, entry: Benchmark) -> Score:
    place = pd.Series([extra["place"] for extra in judged["extra"]], index=judged.index)
    steps = pd.Series([extra["steps"] for extra in judged["extra"]], index=judged.index)
    whole = judged[place == "multi"].set_index("cluster")["correct"].sort_index()
    part = judged[place != "multi"].groupby("cluster", sort=True)["correct"]
    if not whole.index.is_unique or not whole.index.equals(part.all().index):
        raise ValueError("WeMath: a composite lacks its whole or its steps")
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
    details = {name: float(kind.mean()) for name, kind in kinds.items()}
    for name in ("strict", "loose"):
        mastered = float((kinds[f"CM_{name}"] | kinds[f"RM_{name}"]).sum())
        if mastered:
            details[f"RM_rate_{name}"] = float(kinds[f"RM_{name}"].sum()) / mastered
    details["loose"] = part_value(parts["loose"])
    details["one_step"] = float(judged[place != "multi"]["correct"].mean())
    for count, rows in judged[place == "multi"].groupby(steps, sort=True):
        details[count] = float(rows["correct"].mean())
    return Score(parts, ("strict",), details)
