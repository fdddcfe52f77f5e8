"""MathVerse, vision only: subject and subfield lie in the `metadata` column; the prompt has no question."""

import ast

from r1v3.evaluate.items.item import Item, Row, make_item
from r1v3.recipe.tables.benchmarks import Benchmark


def read(row: Row, entry: Benchmark) -> list[Item]:
    metadata = ast.literal_eval(row["metadata"]) if row.get("metadata") else {}
    columns = {name: row.get(name, "") for name in entry.by}
    for name in ("subject", "subfield"):
        columns[name] = str(metadata.get(name, ""))
    choice = row["question_type"] == "multi-choice"
    if not choice:
        return [make_item(row, entry, options=None, columns=columns)]
    item = {"columns": columns, "template": entry.prompt.choice, "answer_type": "mcq"}
    return [make_item(row, entry, golds=(row["answer"].strip().upper(),), **item)]
