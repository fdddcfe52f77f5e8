"""HallusionBench: accuracy by question (aAcc), by figure (fAcc), and by question over its figures (qAcc).

An index has the form `category_subcategory_visualinput_set_figure_question`. A figure is right only if all
its questions are, and a question only if it is right on every figure of its set. The score is the mean of the
three. Groups of questions span several figures, so the cluster is the set of a subcategory.
"""

from typing import Any

import pandas as pd

from r1v3.evaluate.items.item import Item, make_item
from r1v3.evaluate.items.rows import Row
from r1v3.evaluate.scorers import RunScore, by_group, part_value, tally
from r1v3.recipe.tables.benchmarks import Benchmark


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    return [make_item(row, entry, **describe_row(row, entry)[0])]


def describe_row(row: Row, entry: Benchmark) -> list[dict[str, Any]]:
    parts = row["index"].split("_")
    if len(parts) != 6:
        raise ValueError(
            f"index {row['index']!r} is not category_subcategory_visual_set_figure_question"
        )
    category, subcategory, _, set_id, figure, question = parts
    cluster = f"{category}/{subcategory}/{set_id}"
    columns = {"category": category, "subcategory": f"{category}_{subcategory}"}
    groups = {"figure": f"{cluster}/{figure}", "question": f"{cluster}/{question}"}
    return [{"key": row["index"], "cluster": cluster, "columns": columns, "extra": groups}]


def score_items(judged: pd.DataFrame, entry: Benchmark) -> RunScore:
    parts = {"aAcc": tally(judged["correct"], judged["cluster"])}
    for name, group in (("fAcc", "figure"), ("qAcc", "question")):
        names = [extra.get(group, key) for extra, key in zip(judged["extra"], judged["key"])]
        together = judged.assign(group=names).groupby("group")
        parts[name] = tally(together["correct"].all(), together["cluster"].first())
    details = {name: part_value(part) for name, part in parts.items()}
    return RunScore(
        parts, ("aAcc", "fAcc", "qAcc"), {**details, **by_group(judged, judged["correct"])}
    )
