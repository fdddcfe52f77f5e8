"""MathVista: a letter, an integer, a number of given precision, or a list.

The file's question is the whole query, options included. A number is right if, rounded to the row's
`precision`, it equals the answer. The original rounds before it compares, so the tolerance is half a unit of
the last place.
"""

from r1v3.data.records import LETTERS
from r1v3.evaluate.items.cells import read_kind
from r1v3.evaluate.items.item import Item, make_item, read_letter
from r1v3.evaluate.items.options import read_options
from r1v3.evaluate.items.rows import Row
from r1v3.recipe.tables.benchmarks import Benchmark

KINDS = {"multichoice": "multi_choice", "multiplechoice": "multi_choice", "freeform": "free_form"}
MOST_DECIMALS = 12


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    kind = read_kind("question_type", row["question_type"], KINDS)
    if kind == "multi_choice":
        options = read_options(row, entry)
        if options is None or len(options) < 2:
            raise ValueError(f"choices must be a list of two or more, not {row['choices']!r}")
        same = [letter for letter, text in zip(LETTERS, options) if text == row["answer"]]
        letter = row.get("answer_option") or (same or [read_letter(row["answer"], options)])[0]
        return [make_item({**row, "answer": letter}, entry, options=options)]
    if row["answer_type"] == "float":
        half_a_unit = 0.5 * 10 ** -_decimals(row["precision"])
        return [make_item(row, entry, options=None, tolerance=half_a_unit)]
    bare = row["answer"].strip().removeprefix("[").removesuffix("]")
    lists = {"golds": (row["answer"], bare)} if row["answer_type"] == "list" and bare else {}
    return [make_item(row, entry, options=None, **lists)]


def _decimals(precision: str) -> int:
    try:
        decimals = float(precision)
    except ValueError:
        decimals = -1.0
    if not (0 <= decimals <= MOST_DECIMALS and decimals.is_integer()):
        raise ValueError(f"precision must be a number of decimals, not {precision!r}")
    return int(decimals)
