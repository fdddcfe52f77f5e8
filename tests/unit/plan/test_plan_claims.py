"""`r1v3 plan --studies`: every claim has its power, which uses results if they exist."""

import json
from dataclasses import replace

import pytest
from made_up_results import ROOT, build_tree
from made_up_studies import write_study_results

from r1v3.plan import claims
from r1v3.plan.questions import questions_of_measure
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


@pytest.fixture(scope="module")
def graph() -> ResultGraph:
    return ResultGraph(load_project(ROOT, "tiny", seeds=3))


@pytest.fixture(scope="module")
def paper() -> ResultGraph:
    return ResultGraph(load_project(ROOT, "paper"))


def plan(graph: ResultGraph, name: str, seeds: int = 3, **more) -> claims.ClaimPower:
    return claims.plan_claim(name, graph.project.claims[name], graph, seeds=seeds, **more)


def test_a_difference_has_the_items_of_its_measure_and_the_size_that_the_report_names(paper):
    found = plan(paper, "rl_generalises")
    assert (found.items, found.counted, found.basis) == (900, "items", "assumed")
    assert (found.least, found.expected) == (0.02, pytest.approx(0.064))
    assert (found.seed_spread, found.settled) == (0.04, False)
    assert (found.seeds_needed, found.items_needed) == (None, None)  # neither alone
    assert found.together is not None
    calm = plan(paper, "rl_generalises", seed_spread=0.001)
    assert calm.items_needed is not None
    assert calm.items_needed > 900


def test_a_curve_counts_steps_of_a_tenth_and_needs_those_of_a_whole_run(graph):
    found = plan(graph, "dynamic_sampling_keeps_signal", seeds=1)
    assert (found.items, found.counted) == (5, "steps")  # a tenth of 50
    assert found.steps_needed is not None
    assert found.steps_needed % 10 == 0
    assert found.items_needed is None


def test_a_claim_about_training_is_never_settled_by_fewer_than_three_seeds(graph):
    found = plan(graph, "entropy_goes_with_accuracy", seeds=1)
    assert (found.counted, found.items, found.settled) == ("runs", 11, False)
    assert plan(graph, "entropy_goes_with_accuracy").settled


def test_a_benchmark_itself_can_settle_a_sentence_of_table_1_and_its_miniature_cannot(paper, graph):
    known = plan(paper, "mmmu_is_best_of_open")
    assert known.expected == pytest.approx(0.038)
    assert known.items_needed is not None
    assert known.items_needed > 900 == known.items
    assert "miniatures" in plan(graph, "mmmu_is_best_of_open").note


def test_what_no_run_settles_says_so(graph):
    assert plan(graph, "first_stitched").note.startswith("no run settles it")
    assert "report's own tables" in plan(graph, "table_5_adds_up").note


def test_spreads_come_from_results_where_these_are_there(graph, tmp_path):
    tree = build_tree(tmp_path, graph)
    accuracy = {f"rl{mark}": 0.7 for mark in ("", "__seed2", "__seed3")}
    accuracy |= {f"rl_frozen_connector{mark}": 0.4 for mark in ("", "__seed2", "__seed3")}
    write_study_results(tree, "freeze", accuracy, seeds=3)
    there = ResultGraph(replace(graph.project, root=tmp_path))
    found = plan(there, "frozen_connector_is_worse", on_disk=3)
    assert found.basis == "measured, 3 seeds"
    # 60 of 200 items differ, by one each: the deviation is sqrt(0.3 x 0.7).
    assert found.item_spread == pytest.approx(0.458, abs=0.03)
    assert found.seed_spread == 0.0  # the made-up seeds are equal
    assert plan(there, "rl_generalises", on_disk=3).basis == "assumed"


def test_the_table_and_the_json_have_every_claim(graph):
    names = [
        "rl_lifts_mathematics", "dynamic_sampling_keeps_signal", "not_in_the_summary", "gaokao"
    ]  # fmt: skip
    rows = [plan(graph, name) for name in names]
    text = "\n".join(claims.claims_table("tiny", 3, rows))
    assert all(name in text for name in names)
    assert "Not planned, 1:\n  gaokao: no run settles it" in text
    read = json.loads(json.dumps(claims.as_json("tiny", 3, rows)))
    assert [each["claim"] for each in read["claims"]] == names
    assert set(read["settled_by_seeds"]) == {"1", "3", "5", "10"}


def test_the_items_of_a_measure_are_those_of_its_set_or_benchmark(graph, paper):
    assert questions_of_measure(graph.project, "tokens:held_out/math") == 1000
    assert questions_of_measure(graph.project, "study/mmmu_val") == 40
    assert questions_of_measure(paper.project, "checkpoint/mmmu_val") == 900
