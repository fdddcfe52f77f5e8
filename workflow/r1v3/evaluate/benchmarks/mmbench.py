"""MMBench: rows whose index differs by a million are rotations of one question."""

from r1v3.evaluate.items import Item, Row, make_item
from r1v3.evaluate.table import Benchmark

ROTATION = 1_000_000


def read(row: Row, entry: Benchmark) -> list[Item]:
    question = row.get("g_index") or str(int(float(row["index"])) % ROTATION)
    return [make_item(row, entry, cluster=question)]
