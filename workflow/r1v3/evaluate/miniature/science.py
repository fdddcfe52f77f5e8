"""Miniatures of the logic and physics benchmarks."""

from r1v3.evaluate.miniature.draw import Drawer, encoded, lettered, with_options
from r1v3.evaluate.miniature.general import Rows

VISULOGIC = ("Quantitative Reasoning", "Spatial Reasoning", "Positional Reasoning")
SKILLS = ("inductive", "deductive", "numerical", "spatial", "mechanical")
PHYSICS = ("Mechanics", "Electromagnetism", "Thermodynamics", "Optics")


def visulogic(draw: Drawer, items: int) -> Rows:
    """Draw patterns to continue. The question's text has the options."""
    rows = []
    for number in range(items):
        item = draw.item("mcq")
        rows.append(
            {
                "index": str(number),
                "question": with_options(item.question, item.options),
                "image": encoded(item.images),
                "answer": item.answer,
                "category": VISULOGIC[number % len(VISULOGIC)],
            }
        )
    return rows


def logicvista(draw: Drawer, items: int) -> Rows:
    """Draw questions with one letter or several as their answer, without option columns."""
    rows = []
    for number in range(items):
        item = draw.item("mcq", task="places" if number % 3 == 0 else None)
        rows.append(
            {
                "index": str(number),
                "question": with_options(item.question, item.options),
                "image": encoded(item.images),
                "answer": ", ".join(item.answer),
                "skill": str([SKILLS[number % len(SKILLS)]]),
            }
        )
    return rows


def mme_reasoning(draw: Drawer, items: int) -> Rows:
    """Draw choices of one and of several letters, open items, and answers that a rule function checks."""
    rows = []
    for number in range(items):
        kind = ("choice", "several", "open", "rule")[number % 4]
        form = "open" if kind in ("open", "rule") else "mcq"
        item = draw.item(form, task="places" if kind == "several" else None)
        common = {
            "index": str(number),
            "question": with_options(item.question, item.options),
            "image": encoded(item.images),
            "capability": "calculation" if number % 2 else "pattern analysis",
            "reasoning_type": ("inductive", "deductive", "abductive")[number % 3],
            "special_info": "",
        }
        if kind == "rule":
            rule = {"function_id": "multiple_match_function", "answer": f"['{item.answer}']"}
            rows.append({**common, "question_type": "rule", **rule})
            continue
        function = "choice_function" if kind == "several" else ""
        asked = "open" if kind == "open" else "choice"
        answer = ",".join(item.answer) if item.options else item.answer
        rows.append({**common, "question_type": asked, "function_id": function, "answer": answer})
    return rows


def phyx_mini_mc(draw: Drawer, items: int) -> Rows:
    """Draw choices of four options in physics wording. The file also has a description that is not asked."""
    rows = []
    for number in range(items):
        item = draw.item("mcq")
        rows.append(
            {
                "index": str(number),
                "question": item.question,
                "question_description": "Four readings are shown.",
                "image": encoded(item.images),
                **lettered(item),
                "category": PHYSICS[number % len(PHYSICS)],
            }
        )
    return rows


def seephys(draw: Drawer, items: int) -> Rows:
    """Draw open physics items at several levels."""
    rows = []
    for number in range(items):
        item = draw.item("open")
        rows.append(
            {
                "index": str(number),
                "question": item.question,
                "image": encoded(item.images),
                "answer": item.answer,
                "subject": PHYSICS[number % len(PHYSICS)],
                "level": str(1 + number % 8),
                "language": "English",
                "sig_figs": "",
                "vision_relevance": "essential" if number % 2 else "optional",
            }
        )
    return rows
