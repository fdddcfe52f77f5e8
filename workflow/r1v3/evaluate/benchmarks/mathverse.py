"""MathVerse, vision only: the question and its options are in the picture, not in the prompt.

`question_for_eval` has them as text, for judging alone. Its options allow a value to replace its letter, and
a judge sees what was asked. Subject and subfield are in the column `metadata`.
"""

from typing import Any

from r1v3.data.literals import read_literal
from r1v3.evaluate.items.cells import NO_CELL, read_kind
from r1v3.evaluate.items.item import Item, columns_of, make_item, read_letter
from r1v3.evaluate.items.options import options_in_text
from r1v3.evaluate.items.rows import Row
from r1v3.recipe.tables.benchmarks import Benchmark

KINDS = {"multichoice": "multi-choice", "multiplechoice": "multi-choice", "freeform": "free-form"}


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    kind = read_kind("question_type", row["question_type"], KINDS)
    question = row.get("question_for_eval", "")
    if not question.strip() or question.strip() in NO_CELL:
        question = row.get("question", "")
    item = {**describe_row(row, entry)[0], "question": question}
    if kind == "free-form":
        return [make_item(row, entry, options=None, **item)]
    options = options_in_text(question)
    gold = read_letter(row["answer"].strip(), options)
    return [
        make_item(
            row,
            entry,
            options=options,
            golds=(gold,),
            template=entry.prompt.choice,
            answer_type="mcq",
            **item,
        )
    ]


def describe_row(row: Row, entry: Benchmark) -> list[dict[str, Any]]:
    columns = {**columns_of(row, entry), **_subjects(row.get("metadata", ""))}
    return [{"key": row["index"], "cluster": row["index"], "columns": columns}]


def _subjects(metadata: str) -> dict[str, str]:
    """Return subject and subfield, empty if the column lacks them. They do not affect the score."""
    try:
        found = read_literal(metadata)
    except ValueError:
        found = None
    known = found if isinstance(found, dict) else {}
    return {name: str(known.get(name) or "") for name in ("subject", "subfield")}
