"""The first view of MLflow's pages: `r1v3.analyze.mlflow.views`, and what `r1v3 ui` publishes."""

import json
import shutil
from pathlib import Path

from r1v3.analyze.mlflow.links import links_of, publish_present
from r1v3.analyze.mlflow.store import MlflowStore
from r1v3.analyze.mlflow.views import SHARED, link, set_pair_view


def test_what_is_there_is_published_with_notes_columns_and_links(
    tree, graph, empty_database, monkeypatch
):
    monkeypatch.chdir(tree.root)
    shutil.copy(empty_database, "mlflow.db")
    uri = "sqlite:///mlflow.db"
    count = publish_present(graph, uri, Path("receipt.json"))
    assert count == len(tree.runs)
    store = MlflowStore(uri, "tiny")
    tags = store.client.get_experiment(store.experiment).tags
    assert "`r1v3 ui` prints links" in tags["mlflow.note.content"]
    view = json.loads(tags[f"{SHARED}runs"])
    for shown in ("tags.`stage`", "tags.`differs`", "metrics.`mmmu_val`", "metrics.`reward`"):
        assert shown in view["selectedColumns"]
    assert 8 <= len(view["selectedColumns"]) <= 12
    chart = json.loads(tags[f"{SHARED}entropy"])
    (plot,) = chart["compareRunCharts"]
    assert (plot["xaxis"]["key"], plot["yaxis"]["key"]) == ("critical_token_entropy", "mmmu_val")
    assert chart["compareRunSections"][0]["columns"] == 1  # a chart alone has the width
    runs = store.client.search_runs([store.experiment], "tags.stage = 'grpo'")
    assert "Made by `snakemake results/runs/rl.json`" in runs[0].data.tags["mlflow.note.content"]
    before = {run.info.run_id for run in store.client.search_runs([store.experiment])}
    publish_present(graph, uri, Path("receipt.json"))
    assert {run.info.run_id for run in store.client.search_runs([store.experiment])} == before
    links = dict(links_of(graph, uri, "http://127.0.0.1:5000"))
    assert links["tiny, runs"].endswith("&viewStateShareKey=runs")
    assert "study freeze" not in links  # one of its runs is here
    set_pair_view(store, "branch-a", ["1", "2"], "mmmu_val")
    held = store.client.get_experiment(store.experiment).tags[f"{SHARED}branch-a"]
    assert json.loads(held)["searchFilter"] == "attributes.run_id IN ('1', '2')"


def test_where_nothing_is_there_nothing_is_published(tmp_path, graph, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert publish_present(graph, "sqlite:///mlflow.db", Path("receipt.json")) == 0
    assert not Path("mlflow.db").exists()


def test_a_link_names_page_view_and_mode():
    assert link("http://h:1", "7", "entropy", chart=True) == (
        "http://h:1/#/experiments/7/runs?workflowType=machine_learning&compareRunsMode=CHART"
        "&viewStateShareKey=entropy"
    )
