"""From a number to all that it was made from, and from data to all that it touched."""

import json

import pandas as pd
import pytest
from made_up_results import ROOT, build_tree

from r1v3.keep.graph import Graph
from r1v3.keep.trace import trace
from r1v3.recipe.documents import Documents
from r1v3.recipe.load import load_project


@pytest.fixture
def tree(tmp_path):
    return build_tree(tmp_path, Documents(load_project(ROOT, "tiny")))


def part(lines: list[str], head: str) -> str:
    """The lines below a head, up to the next one."""
    at = next(n for n, line in enumerate(lines) if line.strip() == head)
    rest = lines[at + 1 :]
    end = next((n for n, line in enumerate(rest) if not line.startswith("    ")), len(rest))
    return "\n".join(rest[:end])


def test_a_score_of_the_summary_leads_to_run_data_code_and_environment(tree):
    lines = trace(tree.root, "models.rl.math")
    documents = tree.documents
    assert lines[0].startswith(f"{documents.run('rl').id}/selected/held_out-")
    assert lines[0].endswith("(accuracy 0.75)")
    above = part(lines, "made from:")
    for node in (documents.run("rl"), documents.run("cold_start"), documents.run("base")):
        assert node.id in above
    assert documents.data("math_normal").id in above
    assert documents.probe("rl").id in above
    assert documents.data("multi_domain").id not in above
    run = "\n".join(trace(tree.root, documents.run("rl").id))
    assert "code: 0123abc" in run
    assert "torch 2.13.0" in run
    assert f"recipe: results/runs/{documents.run('rl').id}/config.json" in run
    assert "checkpoint: results/runs/" in run


def test_a_data_set_leads_to_the_runs_checkpoints_and_scores_that_it_touched(tree):
    below = part(trace(tree.root, "multi_domain"), "touched:")
    assert tree.documents.run("final").id in below
    assert "mean" not in below
    assert f"{tree.documents.run('final').id}/last/held_out-" in below
    assert "math 0.74, multi_domain 0.54" in below
    assert tree.documents.run("rl").id not in below


def test_a_benchmark_named_alone_leads_to_every_evaluation_of_it(tree):
    lines = trace(tree.root, "benchmarks.mmmu_val")
    heads = [line for line in lines if line and not line.startswith(" ")]
    assert len(heads) == 6  # five checkpoints and the final model
    assert all("(mean " in head for head in heads)


def test_a_sample_is_found_in_its_set(tree):
    folder = tree.folder(tree.documents.data("math_normal"))
    pd.DataFrame({"id": ["a-1", "a-2"]}).to_parquet(folder / "records.parquet")
    lines = trace(tree.root, "a-2")
    assert lines[0] == f"{tree.documents.data('math_normal').id}  (record 2 of 2)"
    assert tree.documents.run("rl").id in part(lines, "touched:")


def test_a_path_is_traced_as_its_folder(tree):
    run = tree.documents.run("rl")
    lines = trace(tree.root, f"{run.folder}/checkpoints/step-000150")
    assert lines[0] == f"{run.id}  (checkpoints/step-000150)"


def test_an_unknown_name_is_answered_with_those_there_are(tree):
    with pytest.raises(ValueError, match=r"'mathnormal'.*math_normal"):
        trace(tree.root, "mathnormal")


def test_the_uncommitted_changes_are_mentioned(tree):
    manifest = tree.runs[3]
    content = json.loads(manifest.read_text())
    content["environment"] |= {"dirty": True, "diff": "12345"}
    manifest.write_text(json.dumps(content))
    assert "with changes of 5 characters" in "\n".join(trace(tree.root, "rl"))


def test_the_graph_on_disk_is_the_one_that_was_planned(tree):
    graph, documents = Graph.of(tree.root), tree.documents
    for name in ("base", "cold_start", "rl", "final"):
        node = documents.run(name)
        planned = {parent.id for parent in node.parents} & set(graph.found)
        assert set(graph.parents[node.id]) == planned
