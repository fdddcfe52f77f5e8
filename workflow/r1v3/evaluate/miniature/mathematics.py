"""Miniatures of the mathematics benchmarks and of the exams."""

from r1v3.data.records import LETTERS
from r1v3.evaluate.miniature.draw import (
    Drawer,
    ask_even,
    ask_largest,
    ask_line,
    ask_position,
    encoded,
)
from r1v3.evaluate.miniature.general import Rows

OLYMPIADS = ("OE_MM_maths_en_COMP", "OE_MM_maths_zh_CEE", "OE_MM_physics_en_COMP")


def mathvista_mini(draw: Drawer, items: int) -> Rows:
    """Draw letters, integers, and numbers of given precision."""
    rows = []
    for number in range(items):
        kind = ("text", "integer", "float", "text")[number % 4]
        item = draw.item("mcq" if kind == "text" else "open")
        common = {
            "index": str(number),
            "question": item.question,
            "image": encoded(item.images),
            "task": "figure question answering",
            "skills": "['arithmetic reasoning']",
            "answer_type": kind,
        }
        if kind == "text":
            assert item.options is not None, "a choice has options"
            answer = item.options["ABCD".index(item.answer)]
            choice = {"question_type": "multi_choice", "choices": str(list(item.options))}
            rows.append({**common, **choice, "answer": answer, "answer_option": item.answer})
            continue
        precise = {"answer": f"{item.answer}.0", "precision": "1.0"} if kind == "float" else {}
        rows.append({**common, "question_type": "free_form", "answer": item.answer, **precise})
    return rows


def mathverse_vision_only(draw: Drawer, items: int) -> Rows:
    """Draw questions as a sign in the picture: choices and free-form answers."""
    rows = []
    for number in range(items):
        item = draw.item("mcq" if number % 2 else "open")
        rows.append(
            {
                "index": str(number),
                "question": "According to the question shown in the image.",
                "question_for_eval": _for_eval(item.question, item.options),
                "query_cot": "According to the question shown in the image, think step by step.",
                "image": encoded(item.images),
                "answer": item.answer,
                "question_type": "multi-choice" if item.options else "free-form",
                "problem_version": "Vision Only",
                "metadata": str({"subject": "Plane Geometry", "subfield": f"Part {number % 3}"}),
            }
        )
    return rows


def _for_eval(question: str, options: tuple[str, ...] | None) -> str:
    """Write the question for judging: `Choices:` and one option a line, as in the published file."""
    lines = [f"{letter}:{text}" for letter, text in zip(LETTERS, options or (), strict=False)]
    return "\n".join([question, "Choices:", *lines]) if lines else question


def mathvision(draw: Drawer, items: int) -> Rows:
    """Draw choices of five options and open items, at five levels."""
    rows = []
    for number in range(items):
        item = draw.item("open")
        choices, answer = [], item.answer
        if number % 2:
            choices, answer = draw.options(int(item.answer), 5)
        rows.append(
            {
                "index": str(number),
                "question": item.question,
                "image": encoded(item.images),
                "choices": str(choices),
                "answer": answer,
                "category": item.task,
                "level": str(1 + number % 5),
            }
        )
    return rows


def wemath(draw: Drawer, items: int) -> Rows:
    """Draw composites with their steps about one picture: a sum, and what must be read for it."""
    rows, number = [], 0
    while len(rows) < items:
        item = draw.item("open", task="sum")
        steps = "3steps" if number % 3 == 2 else "2steps"
        whole = (item.question, int(item.answer))
        asked = {"1": ask_largest(item), "2": ask_even(item), "multi": whole}
        if steps == "3steps":
            asked["3"] = ask_position(item, number % 4)
        for place, (question, answer) in asked.items():
            rows.append(
                {
                    "index": str(len(rows)),
                    "ID": str(number),
                    "key": f"{steps}_{place}",
                    "question": question,
                    "image": encoded(item.images),
                    **draw.chosen(answer, 4),
                    "knowledge concept": "Reading four numbers",
                    "requirement": "",
                }
            )
        number += 1
    return rows


def olympiadbench(draw: Drawer, items: int) -> Rows:
    """Draw open answers with units and tolerances. One in ten has two answers at once."""
    rows = []
    for number in range(items):
        item = draw.item("open")
        several = number % 10 == 9
        question, answer = item.question, item.answer
        if several:
            item = draw.item("open", task="sum")
            (question, top), (_, bottom) = ask_line(item, "top"), ask_line(item, "bottom")
            question = question.replace("top?", "top, and on the bottom?")
            answer = f"{top},{bottom}"
        rows.append(
            {
                "index": str(number),
                "question": question,
                "image": encoded(item.images),
                "final_answer": f"['{answer}']",
                "context": "",
                "is_multiple_answer": str(several),
                "unit": "kg" if number % 5 == 0 else "",
                "answer_type": "Numerical",
                "error": "1e-1" if number % 4 == 0 and not several else "",
                "source": OLYMPIADS[number % len(OLYMPIADS)],
            }
        )
    text_only = {**rows[0], "index": str(items), "source": "OE_TO_maths_en_COMP"}
    return [*rows, text_only]


def gaokao_2025(draw: Drawer, items: int) -> Rows:
    """Draw papers like the exam's: 8 single, 3 multiple, 3 fill, 5 solve questions; 150 points."""
    plan = [("single", 5)] * 8 + [("multiple", 6)] * 3 + [("fill", 5)] * 3
    plan += [("solve", points) for points in (13, 15, 15, 17, 17)]
    rows = []
    for number in range(max(1, items // len(plan)) * len(plan)):
        kind, points = plan[number % len(plan)]
        task = "places" if kind == "multiple" else "product" if kind == "solve" else None
        item = draw.item({"single": "mcq", "fill": "fill"}.get(kind, "open"), task=task)
        options = dict(zip(LETTERS, item.options, strict=False)) if item.options else {}
        rows.append(
            {
                "index": str(number + 1),
                "paper": str(number // len(plan) + 1),
                "type": kind,
                "points": str(points),
                "question": item.question,
                "image": encoded(item.images),
                **options,
                "answer": item.answer,
            }
        )
    return rows
