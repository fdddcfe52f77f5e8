"""MMBench: rows whose index differs by a million are rotations of one question.

The answers of the test split are not public: its items have no right answer here, and the submission that
the benchmark's server scores is written from the verdicts.
"""

from pathlib import Path

import pandas as pd

from r1v3.evaluate.items.item import Item, Row, make_item
from r1v3.recipe.tables.benchmarks import Benchmark

ROTATION = 1_000_000
SUBMITTED = ("index", "question", "hint", "A", "B", "C", "D", "category", "l2-category", "split")


def read(row: Row, entry: Benchmark) -> list[Item]:
    question = row.get("g_index") or str(int(float(row["index"])) % ROTATION)
    hidden = {} if row.get("answer", "") else {"golds": ("",)}
    return [make_item(row, entry, cluster=question, **hidden)]


def write_submission(tsv: Path, verdicts: Path, output: Path) -> int:
    """Write one run's letters as the server takes them; returns how many questions have one."""
    letters = pd.read_parquet(verdicts).set_index("key")["extracted"].dropna()
    rows = pd.read_csv(tsv, sep="\t", dtype=str, keep_default_na=False)
    kept = rows[[column for column in SUBMITTED if column in rows]].copy()
    kept["prediction"] = [letters.get(index, "") for index in rows["index"]]
    kept.to_csv(output, sep="\t", index=False)
    return int((kept["prediction"] != "").sum())
