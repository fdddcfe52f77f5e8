"""MLflow's copy is complete, is found again, and has no duplicates."""

import json
import shutil

import pytest
from in_mlflow import look

from r1v3.analyze.mlflow.points import score_points
from r1v3.analyze.mlflow.publish import Labels, ResultFiles, publish_runs
from r1v3.analyze.results import read_result

pytestmark = pytest.mark.slow  # creating MLflow's database takes seconds


@pytest.fixture
def send(tree, empty_database):
    """Return a function that publishes the tree and returns the content of the store."""
    uri = f"sqlite:///{tree.root}/mlflow.db"
    shutil.copy(empty_database, tree.root / "mlflow.db")

    def publish_and_look(studies=tree.graph.project.studies) -> tuple[dict, dict[str, dict]]:
        content = publish_runs(
            tree.graph.recipe,
            ResultFiles(
                tree.runs, [tree.selection], [*tree.checkpoints, *tree.held_out, tree.benchmarks]
            ),
            Labels(studies),
            tracking_uri=uri,
            output=tree.root / "results" / "mlflow.json",
        )
        return content, look(uri)

    return publish_and_look


def test_every_run_and_checkpoint_is_there_once_however_often_it_is_published(send, tree):
    content, first = send()
    rl = tree.graph.run("rl").id
    checkpoints = {f"{rl}/step-{step:06d}" for step in (30, 60, 90, 120, 150)}
    names = ("base", "teacher", "cold_start", "rl", "final")
    assert set(first) == {tree.graph.run(name).id for name in names} | checkpoints
    assert {run["status"] for run in first.values()} == {"FINISHED"}

    run = first[rl]
    assert len(run["points"]["reward"]) == 150
    assert run["points"]["reward"][0] == (1, 0.502)
    assert run["points"]["critical_token_entropy"] == [
        (30, 0.5), (60, 0.51), (90, 0.52), (120, 0.53), (150, 0.54)
    ]  # fmt: skip
    assert run["points"]["mmmu_val"] == [
        (30, 0.5), (60, 0.52), (90, 0.54), (120, 0.56), (150, 0.58)
    ]  # fmt: skip
    assert run["points"]["held_out/math/accuracy"] == [(120, 0.75)]
    rate = tree.graph.recipe.grpo["math"].optimizer.learning_rate
    assert run["params"]["optimizer.learning_rate"] == str(rate)
    assert run["tags"]["stage"] == "grpo"
    assert run["tags"]["from"] == "cold_start"
    assert run["artifacts"] == ["config.json", "recipe.json"]

    child = first[f"{rl}/step-000120"]
    assert child["tags"]["mlflow.parentRunId"] == run["id"]
    assert child["tags"]["chosen"] == "true"
    assert child["points"] == {
        "critical_token_entropy": [(120, 0.53)],
        "probe_critical_tokens": [(120, 40)],
        "probe_reward": [(120, 0.7)],
        "probe_entropy": [(120, 0.2)],
        "mmmu_val": [(120, 0.56)],
    }
    assert content["runs"][rl]["mlflow_run"] == run["id"]
    assert send() == (content, first)


def models(tree) -> dict[str, dict]:
    """Return each logged model by its checkpoint: id, run, state and the values linked to it."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tree.root}/mlflow.db")
    experiment = client.get_experiment_by_name("tiny").experiment_id
    found = {}
    for model in client.search_logged_models([experiment]):
        key = model.tags["checkpoint"]
        assert key not in found
        values = [(metric.key, metric.step, metric.value) for metric in model.metrics or []]
        found[key] = {
            "id": model.model_id,
            "run": model.source_run_id,
            "status": model.status.value,
            "values": sorted(values),
        }
    return found


def test_checkpoints_are_logged_models_with_their_scores_and_the_chosen_one_has_an_alias(
    send, tree
):
    from mlflow import MlflowClient

    _, runs = send()
    rl, final = tree.graph.run("rl").id, tree.graph.run("final").id
    found = models(tree)
    assert len(found) == 4 + 5  # the last checkpoint of four runs, and every kept one of rl
    chosen = found[f"{rl}/checkpoints/step-000120"]
    assert chosen["status"] == "READY"
    assert chosen["run"] == runs[f"{rl}/step-000120"]["id"]
    assert ("critical_token_entropy", 120, 0.53) in chosen["values"]
    assert ("mmmu_val", 120, 0.56) in chosen["values"]
    tuned = found[f"{final}/checkpoints/best"]
    assert ("held_out/math/accuracy", 100, 0.74) in tuned["values"]
    client = MlflowClient(f"sqlite:///{tree.root}/mlflow.db")
    version = client.get_model_version_by_alias("tiny-rl", "chosen")
    assert version.source == f"models:/{chosen['id']}"
    send()
    assert models(tree) == found
    assert len(client.search_model_versions("name = 'tiny-rl'")) == 1


def test_a_run_names_its_data_sets_its_rule_and_where_dvc_has_it(send, tree):
    from mlflow import MlflowClient

    _, runs = send()
    final = tree.graph.run("final")
    run = MlflowClient(f"sqlite:///{tree.root}/mlflow.db").get_run(runs[final.id]["id"])
    inputs = {
        (each.dataset.name, each.dataset.digest, each.tags[0].value)
        for each in run.inputs.dataset_inputs
    }
    data, held = (tree.graph.data(n) for n in ("multi_domain", "multi_domain_validation"))
    assert inputs == {
        (data.name, data.hash, "training"),
        (held.name, held.hash, "validation"),
    }
    tags = runs[final.id]["tags"]
    assert tags["study"] == "stages, results, tuning, thinking, budgets, hallucination"
    assert tags["path"] == "core"
    assert tags["snakemake_rule"] == "sft"
    assert tags["dvc"].endswith(f"results/runs/{final.id}/data.dvc")
    assert tags["recipe_hash"] == final.hash
    assert tags["git"] == "0123abc"


@pytest.mark.parametrize("cut", [4, 9, 17])
def test_an_interrupted_publication_is_completed_without_a_second_point(
    send, tree, monkeypatch, cut
):
    from mlflow import MlflowClient

    calls = []
    whole = MlflowClient.log_batch

    def cut_off(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == cut:
            raise KeyboardInterrupt
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(MlflowClient, "log_batch", cut_off)
    with pytest.raises(KeyboardInterrupt):
        send()
    monkeypatch.setattr(MlflowClient, "log_batch", whole)
    _, found = send()
    assert len(found) == 10
    assert {run["status"] for run in found.values()} == {"FINISHED"}
    for name in ("base", "teacher"):
        assert len(found[tree.graph.run(name).id]["points"]["loss"]) == 150
    assert len(models(tree)) == 9


def test_few_critical_tokens_are_published_with_their_number(tree):
    manifest = json.loads(tree.selection.read_text())
    first, second, *_ = manifest["facts"]["checkpoints"]
    first |= {"critical_token_entropy": None, "emitted": {"mean": 0.3, "count": 1}}
    second |= {"critical_token_entropy": None, "emitted": {"mean": None, "count": 0}}
    tree.selection.write_text(json.dumps(manifest))
    run = read_result(tree.runs[3])
    points = score_points(run, [], read_result(tree.selection))
    found = {(name, step): value for name, value, _, step in points}
    assert found["critical_token_entropy", 30] == 0.3
    assert found["probe_critical_tokens", 30] == 1
    assert ("critical_token_entropy", 60) not in found
    assert found["probe_critical_tokens", 60] == 0


def test_an_experiment_that_somebody_deleted_comes_back(send, tree):
    from mlflow import MlflowClient

    _, first = send()
    client = MlflowClient(f"sqlite:///{tree.root}/mlflow.db")
    client.delete_experiment(client.get_experiment_by_name("tiny").experiment_id)
    _, second = send()
    assert set(second) == set(first)


def test_changed_results_replace_the_old_copy(send, tree):
    _, first = send()
    rl = tree.graph.run("rl")
    metrics = tree.folder(rl) / "metrics.jsonl"
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    metrics.write_text("".join(json.dumps({**row, "reward": 0.25}) + "\n" for row in rows))
    _, second = send()
    assert set(second) == set(first)
    assert {value for _, value in second[rl.id]["points"]["reward"]} == {0.25}
    base = tree.graph.run("base").id
    assert second[base] == first[base]


def test_a_published_run_that_another_study_shows_gets_its_tag_and_no_second_copy(send, graph):
    _, first = send()
    rl = graph.run("rl").id
    studies = graph.project.studies
    assert first[rl]["tags"]["study"].startswith("stages, freeze, curriculum, rates, ")
    _, second = send({"mine": studies["freeze"]})
    assert second[rl]["tags"]["study"] == "mine"
    assert {key: run["id"] for key, run in second.items()} == {
        key: run["id"] for key, run in first.items()
    }
