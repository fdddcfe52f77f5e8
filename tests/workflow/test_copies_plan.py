"""MLflow's copies in dry runs: one for each store, those of studies too, and none in a clone."""

import pytest
from pretended import finished_core, pretend

from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project
from r1v3.recipe.tables.runs import CORE
from r1v3.recipe.tracking import LOCAL_STORE, mark_of_store

pytestmark = pytest.mark.slow

SERVER = "http://127.0.0.1:5000"


@pytest.fixture
def finished(workflow):
    """Make a checkout whose core path is finished."""
    pretend(workflow, finished_core(workflow))
    return workflow


def test_a_store_is_told_by_its_address():
    assert mark_of_store(LOCAL_STORE) == ""
    # sha256 of the address, ten digits.
    assert mark_of_store(SERVER) == "-f9413619c3"
    assert mark_of_store(SERVER) != mark_of_store("http://127.0.0.1:5001")


def test_a_server_that_is_named_after_a_local_demo_gets_its_own_copy(finished, monkeypatch):
    assert finished.planned() == {}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SERVER)
    assert finished.planned() == {"publish": 1, "all": 1}
    (finished.folder / f"results/mlflow{mark_of_store(SERVER)}.json").write_text("{}")
    assert finished.planned() == {}
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert finished.planned() == {}


def test_studies_publish_every_run_that_they_show_with_probes_and_scores(finished):
    text = finished.snakemake("-n", "--quiet", "host", "--", "studies").stdout
    jobs = [part for part in text.split("rule publish:\n")[1:] if "mlflow-studies" in part]
    asked = next(line for line in jobs[0].splitlines() if line.startswith("    input:"))
    graph = ResultGraph(load_project(finished.folder, "tiny"))
    for name in ("rl", "rl_frozen_connector", "rl_removed_connector", "sft_math"):
        assert f"{graph.run(name).folder}/manifest.json" in asked
    assert f"{graph.selection('rl_frozen_connector').folder}/manifest.json" in asked
    for step in ("step-000025", "step-000050"):
        node = graph.evaluation("rl_frozen_connector", step, "study")
        assert f"{node.folder}/scores.json" in asked
    assert "__nowait-" not in asked


def test_the_plain_copy_takes_what_studies_asked_of_its_runs_once_it_is_there(finished):
    graph = ResultGraph(load_project(finished.folder, "tiny"))
    node = graph.evaluation("rl", "step-000050", "study")
    path = finished.folder / node.folder / "scores.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    assert finished.planned() == {"publish": 1, "all": 1}


def test_a_branch_that_was_run_alone_is_copied_by_the_next_plain_call(finished):
    graph = ResultGraph(load_project(finished.folder, "tiny"))
    path = finished.folder / graph.run("rl_hard").folder / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert finished.planned() == {"publish": 1, "all": 1}
    text = finished.snakemake("-n", "--quiet", "host").stdout
    assert str(path.relative_to(finished.folder)) in text.split("rule publish:\n")[1]


def test_a_clone_of_recorded_runs_publishes_nothing_until_it_has_a_database(finished):
    graph = ResultGraph(load_project(finished.folder, "tiny"))
    for name in CORE:
        (finished.folder / graph.run(name).folder / "data.dvc").write_text("outs: []\n")
    (finished.folder / "results/mlflow.json").unlink()
    assert finished.planned() == {}
    (finished.folder / "mlflow.db").write_text("")
    assert finished.planned() == {"publish": 1, "all": 1}


def test_a_target_alone_needs_no_cores(workflow):
    graph = ResultGraph(load_project(workflow.folder, "tiny"))
    target = f"{graph.run('base').folder}/config.json"
    workflow.snakemake(target)
    assert (workflow.folder / target).exists()
    other = f"{graph.run('rl').folder}/config.json"
    said = workflow.snakemake("--cores", "1", "--quiet", "host", "--", other).stdout
    assert "Provided cores: 1 " in said
