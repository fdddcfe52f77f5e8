"""MLflow's copy of a study's runs: with tags, their checkpoints, and the study's scores of these."""

import json
import shutil

import pytest
from in_mlflow import look
from made_up_results import benchmark_score, selection_facts, write_result, write_scores
from made_up_studies import write_study_results

from r1v3.analyze.mlflow.points import score_points
from r1v3.analyze.mlflow.publish import Labels, ResultFiles, publish_runs
from r1v3.analyze.results import read_result, read_scores
from r1v3.recipe.graph.arms import needs

pytestmark = pytest.mark.slow


def test_a_studys_runs_have_checkpoints_with_probes_and_what_the_study_asked(
    tree, graph, empty_database
):
    study = graph.project.studies["freeze"]
    needed = needs(graph, study, 1)
    write_study_results(tree, "freeze", {})
    paths = []
    for node in needed.evaluations:
        paths.append(tree.folder(node) / "scores.json")
        paths[-1].write_text(json.dumps(of_study(node)))
    frozen = graph.run("rl_frozen_connector")
    probed = write_result(tree, graph.selection("rl_frozen_connector"), selection_facts(0.5))
    shutil.copy(empty_database, tree.root / "mlflow.db")
    uri = f"sqlite:///{tree.root}/mlflow.db"
    publish_runs(
        graph.recipe,
        ResultFiles(
            [tree.folder(node) / "manifest.json" for node in needed.runs],
            [probed / "manifest.json"],
            [*tree.checkpoints, *paths],
        ),
        Labels(graph.project.studies),
        tracking_uri=uri,
        output=tree.root / "results" / "mlflow-studies.json",
    )
    found = look(uri)
    tags = found[frozen.id]["tags"]
    assert (tags["study"], tags["path"]) == ("freeze, entropy", "ablation")
    assert (tags["git"], "recipe.json" in found[frozen.id]["artifacts"]) == ("0123abc", True)
    # What the study asks is at its kept steps, 25 and 50; the made-up probes are at 30 to 150.
    assert found[frozen.id]["points"]["mmmu_val"] == [(25, 0.9), (50, 0.9)]
    assert found[frozen.id]["points"]["validation/mathvista_mini"] == [(25, 0.9), (50, 0.9)]
    assert found[frozen.id]["points"]["validation/normal/accuracy"] == [(25, 0.7), (50, 0.7)]
    child = found[f"{frozen.id}/step-000120"]
    assert child["points"]["critical_token_entropy"] == [(120, 0.53)]
    assert child["tags"]["chosen"] == "true"
    # A run that no selection probes has its checkpoints all the same, and is not said to have chosen.
    removed = graph.run("rl_removed_connector")
    assert "chosen" not in found[f"{removed.id}/step-000150"]["tags"]


def test_of_two_scores_of_a_checkpoint_in_one_benchmark_the_first_counts(tree, graph):
    run = read_result(tree.runs[3])
    node = graph.evaluation("rl", "step-000030", "study")
    write_scores(tree, ("rl", "step-000030", "study"), of_study(node))
    scores = [read_scores(tree.checkpoints[0]), read_scores(tree.folder(node) / "scores.json")]
    points = [point for point in score_points(run, scores, None, "mmmu_val") if point[3] == 30]
    assert [value for name, value, *_ in points if name == "mmmu_val"] == [0.5]
    assert "validation/normal/accuracy" in {name for name, *_ in points}


def of_study(node) -> dict:
    """Return scores of all parts of the study suite."""
    return {
        "benchmarks": {name: benchmark_score(0.9) for name in node.resolved["benchmarks"]},
        "held_out": {name: {"accuracy": 0.7, "format": 1.0} for name in node.resolved["held_out"]},
    }
