"""MathVista: a letter, an integer, a number of given precision, or a list.

The file's question is the whole query, options included. A number is right if it equals the answer
once rounded to the row's `precision`, as the original rounds it before it compares; so the tolerance is
half a unit of the last place.
"""

from string import ascii_uppercase

from r1v3.evaluate.items.item import Item, Row, make_item, read_list
from r1v3.recipe.tables.benchmarks import Benchmark


def read(row: Row, entry: Benchmark) -> list[Item]:
    if row["question_type"] == "multi_choice":
        options = tuple(str(option) for option in read_list(row["choices"]))
        letter = row.get("answer_option") or ascii_uppercase[options.index(row["answer"])]
        return [make_item({**row, "answer": letter}, entry, options=options)]
    if row["answer_type"] == "float":
        half_a_unit = 0.5 * 10 ** -int(float(row["precision"]))
        return [make_item(row, entry, options=None, tolerance=half_a_unit)]
    return [make_item(row, entry, options=None)]
