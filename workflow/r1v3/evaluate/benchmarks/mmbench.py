"""MMBench: rows whose index differs by a million are rotations of one question.

The answers of the test split are not public, so its items have no right answer here. The submission that the
benchmark's server scores is written from the verdicts.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from r1v3.evaluate.items.item import Item, columns_of, make_item
from r1v3.evaluate.items.rows import Row, read_benchmark_rows
from r1v3.recipe.tables.benchmarks import Benchmark

ROTATION = 1_000_000
SUBMITTED = ("index", "question", "hint", "A", "B", "C", "D", "category", "l2-category", "split")


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    unpublished = row.get("split", "test") == "test" and not row.get("answer")
    hidden = {"golds": ("",)} if unpublished else {}
    return [make_item(row, entry, **describe_row(row, entry)[0], **hidden)]


def describe_row(row: Row, entry: Benchmark) -> list[dict[str, Any]]:
    question = row.get("g_index") or str(int(float(row["index"])) % ROTATION)
    return [{"key": row["index"], "cluster": question, "columns": columns_of(row, entry)}]


def write_submission(tsv: Path, verdicts: Path, output: Path) -> int:
    """Write one run's letters in the form of the server; return how many questions have one."""
    judged = pd.read_parquet(verdicts)
    letters = dict(judged.set_index("key")["extracted"].dropna())
    kept = []
    for line in read_benchmark_rows(tsv):
        row = {column: line.row[column] for column in SUBMITTED if column in line.row}
        kept.append({**row, "prediction": letters.get(row.get("index"), "")})
    pd.DataFrame(kept).to_csv(output, sep="\t", index=False)
    return sum(row["prediction"] != "" for row in kept)
