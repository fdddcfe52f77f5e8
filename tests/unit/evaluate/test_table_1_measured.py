"""Measured scores beside published ones: differences, intervals, and scores that cannot be compared."""

import json
from dataclasses import replace
from pathlib import Path

from r1v3.evaluate.pages.measured import FINAL, measured_table, write_measured
from r1v3.recipe.graph.baselines import Baselines
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project
from r1v3.recipe.tables.benchmarks import load_table

ROOT = Path(__file__).parents[3]


def scores(mean, low, high, **more):
    score = {"mean": mean, "low": low, "high": high, "n": 900, "runs": 5, "clusters": 900}
    return {"benchmarks": {"mmmu_val": score | {"detectable_difference": 0.05}}, **more}


def rows_of(measured, **more):
    table = load_table(ROOT / "config/benchmarks.yaml")
    found = measured_table(measured, {"mmmu_val": table["mmmu_val"]}, miniature=False, **more)
    return found.rows


def test_the_difference_has_the_interval_of_the_measured_score():
    # published: GPT-4o 70.7, QVQ 70.3, the report's own model 76.0
    heading, *rows = rows_of(
        {
            "gpt_4o": scores(0.687, 0.66, 0.714),
            "qvq_72b_preview": scores(0.65, 0.62, 0.68),
            FINAL: scores(0.8, 0.78, 0.82),
        }
    )
    assert heading == ["MMMU (validation)"]
    assert rows[0][:4] == ["GPT-4o", "900", "68.7 [66.0, 71.4]", "70.7"]
    assert rows[0][4:] == ["-2.0 [-4.7, +0.7]", "inside"]
    assert rows[1][4:] == ["-5.3 [-8.3, -2.3]", "above"]
    assert rows[2][4:] == ["+4.0 [+2.0, +6.0]", "below"]


def test_a_benchmark_that_could_not_be_asked_is_missing_beside_its_published_score():
    [_, row] = rows_of({"gpt_4o": {"benchmarks": {}, "missing": {"mmmu_val": "no file"}}})
    assert row == ["GPT-4o", "-", "missing", "70.7", "-", "-"]


def test_the_page_has_table_and_figures_beside_it(tmp_path):
    table = load_table(ROOT / "config/benchmarks.yaml")
    measured = {"gpt_4o": scores(0.687, 0.66, 0.714)}
    output = tmp_path / "table_1.html"
    write_measured(measured, table, output, miniature=False)
    assert "68.7 [66.0, 71.4]" in output.read_text()
    assert "GPT-4o, measured" in (tmp_path / "table_1/figure_1.svg").read_text()
    assert (tmp_path / "table_1/table_1.csv").exists()
    assert json.loads((tmp_path / "table_1.json").read_text())["models"] == ["gpt_4o"]


def test_every_published_column_is_measured_and_an_address_moves_none():
    project = load_project(ROOT, "paper")
    graph = ResultGraph(project)
    ids = Baselines(graph).ids()
    published = load_table(ROOT / "config/benchmarks.yaml")["mmmu_val"].published
    assert {id.rpartition("-")[0] for id in ids} == set(published)
    entry = project.recipe.baselines["gpt_4o"]
    for change, moves in (({"address": "http://elsewhere/v1"}, False), ({"id": "gpt-5"}, True)):
        changed = {**project.recipe.baselines, "gpt_4o": entry.model_copy(update=change)}
        recipe = project.recipe.model_copy(update={"baselines": changed})
        other = Baselines(ResultGraph(replace(project, recipe=recipe))).ids()
        assert (other != ids) is moves
