"""The summary has exactly the scores that the evaluations stored."""

import json

import pytest

from r1v3.analyze.summary import write_summary


def test_the_summary_holds_each_model_and_each_benchmark_in_the_recipes_order(tree):
    path = tree.root / "results" / "summary.json"
    write_summary(held_out=tree.held_out, benchmarks=tree.benchmarks, output=path)
    summary = json.loads(path.read_text())
    assert list(summary) == ["models", "benchmarks"]
    assert list(summary["models"]) == ["base", "cold_start", "rl", "final"]
    assert summary["models"]["rl"] == {
        "math": {"accuracy": 0.75, "format": 1.0, "n": 1000},
        "multi_domain": {"accuracy": 0.55, "format": 1.0, "n": 1000},
    }
    assert list(summary["benchmarks"]) == tree.graph.recipe.evaluation.benchmarks
    first = summary["benchmarks"]["mmmu_val"]
    assert first == {"mean": 0.3, "low": pytest.approx(0.2), "high": 0.4, "n": 40, "runs": 5}


def test_two_checkpoints_of_one_run_are_refused(tree):
    with pytest.raises(ValueError, match="base is scored twice"):
        write_summary(
            held_out=[tree.held_out[0], tree.held_out[0]],
            benchmarks=tree.benchmarks,
            output=tree.root / "summary.json",
        )
