"""From a number to all that it was made from, and from data to all that was made from it."""

import json

import pandas as pd
import pytest
from made_up_results import ROOT, benchmark_score, build_tree, write_scores

from r1v3.analyze.summary import write_summary
from r1v3.provenance.graph import LineageGraph
from r1v3.provenance.trace import trace_lines
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


@pytest.fixture
def tree(tmp_path):
    return build_tree(tmp_path, ResultGraph(load_project(ROOT, "tiny")))


def part(lines: list[str], head: str) -> str:
    """Return the lines below a heading, up to the next heading."""
    at = next(n for n, line in enumerate(lines) if line.strip() == head)
    rest = lines[at + 1 :]
    end = next((n for n, line in enumerate(rest) if not line.startswith("    ")), len(rest))
    return "\n".join(rest[:end])


def test_a_score_of_the_summary_leads_to_run_data_code_and_environment(tree):
    lines = trace_lines(tree.root, "models.rl.math")
    graph = tree.graph
    assert lines[0].startswith(f"{graph.run('rl').id}/selected/held_out-")
    assert lines[0].endswith("(accuracy 0.75)")
    above = part(lines, "made from:")
    for node in (graph.run("rl"), graph.run("cold_start"), graph.run("base")):
        assert node.id in above
    assert graph.data("math_normal").id in above
    assert graph.selection("rl").id in above
    assert graph.data("multi_domain").id not in above
    run = "\n".join(trace_lines(tree.root, graph.run("rl").id))
    assert "code: 0123abc" in run
    assert "torch 2.13.0" in run
    assert f"recipe: results/runs/{graph.run('rl').id}/config.json" in run
    assert "checkpoint: results/runs/" in run


def test_a_data_set_leads_to_the_runs_checkpoints_and_scores_that_it_touched(tree):
    below = part(trace_lines(tree.root, "multi_domain"), "touched:")
    assert tree.graph.run("final").id in below
    assert "mean" not in below
    assert f"{tree.graph.run('final').id}/last/held_out-" in below
    assert "math 0.74, multi_domain 0.54" in below
    assert tree.graph.run("rl").id not in below


def heads(lines: list[str]) -> list[str]:
    return [line for line in lines if line and not line.startswith(" ")]


def summary_of(tree) -> None:
    results = tree.root / "results"
    write_summary(
        held_out=tree.held_out, benchmarks=tree.benchmarks, output=results / "summary.json"
    )


def test_a_score_leads_to_the_evaluation_that_the_summary_shows(tree):
    """Ignore other evaluations with the score: checkpoints, thinking modes, leftovers of other settings."""
    final = tree.graph.run("final").id
    for suite in ("held_out__nowait", "study"):
        node = tree.graph.evaluation("final", "last", suite)
        score = {"accuracy": 0.74, "format": 1.0}
        scores = {"held_out": {"math": score}, "benchmarks": {"mmmu_val": benchmark_score(0.3)}}
        write_scores(tree, ("final", "last", suite), scores)
        assert node.resolved["run"] == final
    assert len(heads(trace_lines(tree.root, "benchmarks.mmmu_val"))) == 5 + 1 + 2
    summary_of(tree)
    for what, suite in (("benchmarks.mmmu_val", "benchmarks"), ("models.final.math", "held_out")):
        (head,) = heads(trace_lines(tree.root, what))
        assert head.startswith(f"{final}/last/{suite}-")


def test_a_measure_of_studies_leads_to_every_checkpoint_that_answered_it(tree):
    score = {"held_out": {"normal": {"accuracy": 0.7, "format": 1.0}}, "benchmarks": {}}
    for step in (50, 100):
        write_scores(tree, ("rl", f"step-{step:06d}", "study"), score)
    expected = ["step-000050 (accuracy 0.7)", "step-000100 (accuracy 0.7)"]
    for what in ("study.normal", "study/normal"):
        found = heads(trace_lines(tree.root, what))
        assert [f"{h.split('/')[1]} {h.partition('  ')[2]}" for h in found] == expected


def test_a_claim_leads_to_what_it_compares_and_a_study_to_its_runs(tree):
    (tree.root / "config").symlink_to(ROOT / "config")
    runs = {name: tree.graph.run(name).id for name in ("rl", "cold_start")}
    arms = [
        {
            "label": label,
            "checkpoint": checkpoint,
            "thinking_mode": "",
            "folders": [{"id": runs[run]}],
        }
        for label, checkpoint, run in (
            ("RL", "selected", "rl"),
            ("cold start", "last", "cold_start"),
        )
    ]
    (tree.root / "results/studies").mkdir()
    (tree.root / "results/studies/stages.json").write_text(json.dumps({"arms": arms}))
    score = {"held_out": {}, "benchmarks": {"mathvista_mini": {"mean": 0.7}}}
    for run, checkpoint in (("rl", "selected"), ("cold_start", "last")):
        write_scores(tree, (run, checkpoint, "study"), score)
    compared = heads(trace_lines(tree.root, "rl_lifts_mathematics"))
    assert [head.partition("-")[0] for head in compared] == ["rl", "cold_start"]
    assert all("/study-" in head for head in compared)
    assert heads(trace_lines(tree.root, "reward_rises")) == [f"{runs['rl']}  (stages: RL)"]
    assert len(heads(trace_lines(tree.root, "stages"))) == 2


def test_a_sample_is_found_in_its_set(tree):
    folder = tree.folder(tree.graph.data("math_normal"))
    pd.DataFrame({"id": ["a-1", "a-2"]}).to_parquet(folder / "records.parquet")
    lines = trace_lines(tree.root, "a-2")
    assert lines[0] == f"{tree.graph.data('math_normal').id}  (record 2 of 2)"
    assert tree.graph.run("rl").id in part(lines, "touched:")


def test_a_path_is_traced_as_its_folder(tree):
    run = tree.graph.run("rl")
    lines = trace_lines(tree.root, f"{run.folder}/checkpoints/step-000150")
    assert lines[0] == f"{run.id}  (checkpoints/step-000150)"


def test_an_unknown_name_is_answered_with_those_there_are(tree):
    with pytest.raises(ValueError, match=r"'mathnormal'.*math_normal"):
        trace_lines(tree.root, "mathnormal")


def test_the_uncommitted_changes_are_mentioned(tree):
    manifest = tree.runs[3]
    content = json.loads(manifest.read_text())
    content["environment"] |= {"dirty": True, "diff": "12345"}
    manifest.write_text(json.dumps(content))
    assert "with changes of 5 characters" in "\n".join(trace_lines(tree.root, "rl"))


def test_the_graph_on_disk_is_the_one_that_was_planned(tree):
    lineage, graph = LineageGraph.of(tree.root), tree.graph
    for name in ("base", "cold_start", "rl", "final"):
        node = graph.run(name)
        planned = {parent.id for parent in node.parents} & set(lineage.found)
        assert set(lineage.parents[node.id]) == planned
