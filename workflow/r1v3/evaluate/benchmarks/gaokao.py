"""GAOKAO-2025 mathematics, paper I: 19 questions, 150 points.

`type` is single (5 points), multiple (6 points), fill (5 points) or solve (13 to 17 points). In `multiple`,
each right letter earns an equal share if no wrong letter is chosen. An exam marks `solve` step by step, which
is not done here. If `answer` has a final answer, it alone decides, for all points or none. Without one, the
item is unjudged and counted, until people's marks are imported (`r1v3.evaluate.marks`).
"""

from typing import Any

from r1v3.data.tex import with_backslashes
from r1v3.evaluate.items.cells import letters_in, read_kind, read_number_of_points
from r1v3.evaluate.items.item import Item, make_item
from r1v3.evaluate.items.rows import Row
from r1v3.evaluate.judge import Judged
from r1v3.recipe.tables.benchmarks import Benchmark
from r1v3.reward import Verdict

TYPES = {"single": "mcq", "multiple": "mcq_multi", "fill": "fill", "solve": "open"}
CHINESE = {"单选": "single", "多选": "multiple", "填空": "fill", "解答": "solve"}
NAMES = (
    {kind: kind for kind in TYPES} | CHINESE | {f"{name}题": kind for name, kind in CHINESE.items()}
)


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    kind = read_kind("type", row["type"], NAMES)
    letters = kind in ("single", "multiple")
    gold = with_backslashes(row["answer"]).strip()
    if letters:
        gold = letters_in(gold)
        if not gold:
            raise ValueError(f"answer must be letters, not {row['answer']!r}")
        if kind == "single" and len(gold) > 1:
            raise ValueError(
                f"the type is single, and the answer {row['answer']!r} has several letters"
            )
    elif kind == "fill" and not gold:
        raise ValueError("the column answer is empty: there is no right answer")
    points = read_number_of_points(row)
    changes: dict[str, Any] = {"golds": (gold,), "answer_type": TYPES[kind], "points": points}
    if not letters:
        changes["options"] = None
    return [make_item(row, entry, extra={"type": kind}, **changes)]


def describe_row(row: Row, entry: Benchmark) -> list[dict[str, Any]]:
    """Describe a question, also if it is unreadable: it keeps its points, which are then not earned."""
    return [{"key": row["index"], "cluster": row["index"], "points": read_number_of_points(row)}]


def own_verdict(item: Item, response: str) -> Judged | None:
    if item.extra.get("type") == "solve" and not item.golds[0]:
        return Judged(Verdict(None, None, "none", "its steps are for people to mark"), 0.0)
    return None


def earned_share(item: Item, verdict: Verdict) -> float:
    """Return the share of the points for some of the right letters and no wrong one."""
    if item.extra.get("type") != "multiple":
        return 0.0
    chosen = {letter for letter in verdict.extracted or "" if letter.isalpha()}
    right = set(item.golds[0])
    return len(chosen) / len(right) if chosen < right else 0.0
