"""Scores without matched items: a cluster of items is removed as a whole."""

from pathlib import Path

import pandas as pd
import pytest
from evaluation_fixtures import asked_entry, evaluation_config, write_benchmark, write_config

from r1v3.analyze.cards.contamination import scores_without
from r1v3.evaluate.items.load import load_items
from r1v3.recipe.tables.benchmarks import load_table

TABLE = Path(__file__).parents[3] / "config" / "benchmarks.yaml"


def scored(root: Path, name: str, wrong):
    """Write a miniature with verdicts, in which all items are right except those in `wrong`."""
    folder = root / f"{name}-made"
    entry = load_table(TABLE)[name]
    tsv = write_benchmark(folder, name, entry, items=24)
    items = load_items(asked_entry(entry), tsv)
    write_config(root, evaluation_config(entries={name: asked_entry(entry)}))
    (root / "verdicts").mkdir()
    rows = [
        {"key": i.key, "cluster": i.cluster, "correct": not wrong(i), "share": 1.0, "points": 1.0}
        for i in items
    ]
    pd.DataFrame(rows).to_parquet(root / "verdicts" / f"{name}.run-0.parquet")
    return tsv, items


def test_a_composite_leaves_with_its_steps(tmp_path):
    tsv, items = scored(tmp_path, "wemath", lambda item: False)
    whole = next(item for item in items if item.extra["place"] == "multi")
    size = sum(item.cluster == whole.cluster for item in items)
    (row,) = scores_without(tmp_path / "scores.json", {"wemath": tsv}, {"wemath": {whole.key}})
    assert (row["hits"], row["left_out"], row["score"], row["without"]) == (1, size, 1.0, 1.0)
    assert size > 2


def test_a_question_of_mmbench_does_not_become_right_by_losing_a_rotation(tmp_path):
    name, wrong = "mmbench_en_v11", {}

    def first_of_two_questions(item) -> bool:
        if len(wrong) < 2:
            wrong.setdefault(item.cluster, item.key)
        return item.key in wrong.values()

    tsv, items = scored(tmp_path, name, first_of_two_questions)
    questions = len({item.cluster for item in items})
    cluster, key = next(iter(wrong.items()))
    others = [item.key for item in items if item.cluster == cluster and item.key != key]
    for hit in (key, others[0]):  # the wrong rotation, then a right one of the same question
        (row,) = scores_without(tmp_path / "scores.json", {name: tsv}, {name: {hit}})
        assert row["score"] == pytest.approx(1 - 2 / questions)
        assert row["without"] == pytest.approx(1 - 1 / (questions - 1))
        assert (row["hits"], row["left_out"]) == (1, 1 + len(others))
