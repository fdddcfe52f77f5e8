"""MathVerse, vision only: the question and its options stand in the picture, and not in the prompt.

`question_for_eval` holds them in words. Only who judges reads it: the options there let a value stand for its
letter, and a judge sees what was asked. Subject and subfield lie in the `metadata` column.
"""

import ast
from typing import Any

from r1v3.evaluate.items.item import Item, columns_of, make_item, options_in_text, read_letter
from r1v3.evaluate.items.rows import Row
from r1v3.recipe.tables.benchmarks import Benchmark

KINDS = ("multi-choice", "free-form")


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    if row["question_type"] not in KINDS:
        raise ValueError(
            f"question_type must be {' or '.join(KINDS)}, not {row['question_type']!r}"
        )
    question = row.get("question_for_eval") or row.get("question", "")
    item = {**describe_row(row, entry)[0], "question": question}
    if row["question_type"] == "free-form":
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
    metadata = ast.literal_eval(row["metadata"]) if row.get("metadata") else {}
    columns = columns_of(row, entry)
    for name in ("subject", "subfield"):
        columns[name] = str(metadata.get(name, ""))
    return [{"key": row["index"], "cluster": row["index"], "columns": columns}]
