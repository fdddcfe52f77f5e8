"""GAOKAO-2025 mathematics, paper I: 19 questions, 150 points.

`type` is single (5 points), multiple (6, part of them where only right letters are chosen: each is
worth an equal share), fill (5) or solve (13 to 17, which an exam marks step by step). No steps are marked
here: a solve item with a final answer in `answer` is judged by that alone, all or nothing; without one it is
left unjudged and counted, until people's marks are imported (`r1v3.evaluate.marks`).
"""

from r1v3.evaluate.items.item import Item, Row, make_item
from r1v3.evaluate.judge import Judged
from r1v3.recipe.tables.benchmarks import Benchmark
from r1v3.reward import Verdict

TYPES = {"single": "mcq", "multiple": "mcq_multi", "fill": "fill", "solve": "open"}


def read(row: Row, entry: Benchmark) -> list[Item]:
    kind = row["type"]
    if kind not in TYPES:
        raise ValueError(
            f"row {row['index']}: type must be one of {', '.join(TYPES)}, not {kind!r}"
        )
    letters = kind in ("single", "multiple")
    gold = "".join(sorted(row["answer"].replace(",", "").upper())) if letters else row["answer"]
    changes = {"golds": (gold,), "answer_type": TYPES[kind], "extra": {"type": kind}}
    if not letters:
        changes["options"] = None
    return [make_item(row, entry, points=float(row["points"]), **changes)]


def judge(item: Item, response: str) -> Judged | None:
    if item.extra["type"] == "solve" and not item.golds[0]:
        return Judged(Verdict(None, None, "none", "its steps are for people to mark"), 0.0)
    return None


def share(item: Item, verdict: Verdict) -> float:
    """Part of the points for some of the right letters and no wrong one."""
    if item.extra["type"] != "multiple":
        return 0.0
    chosen = {letter for letter in verdict.extracted or "" if letter.isalpha()}
    right = set(item.golds[0])
    return len(chosen) / len(right) if chosen < right else 0.0
