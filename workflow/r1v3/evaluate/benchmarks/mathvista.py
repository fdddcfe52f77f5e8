"""MathVista: a letter, an integer, a number of given precision, or a list.

The file's question is the whole query, options included. A number is right if it equals the answer
once rounded to the row's `precision`, as the original rounds it before it compares; so the tolerance is
half a unit of the last place.
"""

from r1v3.data.records import LETTERS
from r1v3.evaluate.items.item import Item, make_item, read_letter, read_options
from r1v3.evaluate.items.rows import Row
from r1v3.recipe.tables.benchmarks import Benchmark

MOST_DECIMALS = 12


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    kind = row["question_type"]
    if kind == "multi_choice":
        options = read_options(row, entry)
        if options is None or len(options) < 2:
            raise ValueError(f"choices must be a list of two or more, not {row['choices']!r}")
        same = [letter for letter, text in zip(LETTERS, options) if text == row["answer"]]
        letter = row.get("answer_option") or (same or [read_letter(row["answer"], options)])[0]
        return [make_item({**row, "answer": letter}, entry, options=options)]
    if kind != "free_form":
        raise ValueError(f"question_type must be multi_choice or free_form, not {kind!r}")
    if row["answer_type"] == "float":
        half_a_unit = 0.5 * 10 ** -_decimals(row["precision"])
        return [make_item(row, entry, options=None, tolerance=half_a_unit)]
    return [make_item(row, entry, options=None)]


def _decimals(precision: str) -> int:
    try:
        decimals = float(precision)
    except ValueError:
        decimals = -1.0
    if not (0 <= decimals <= MOST_DECIMALS and decimals.is_integer()):
        raise ValueError(f"precision must be a number of decimals, not {precision!r}")
    return int(decimals)
