"""Entropy against MMMU in MLflow's own pages, in a headless browser."""

import json
import os

import pytest
from browser import CHROMIUM, Browser
from made_up_results import ROOT, build_tree
from mlflow_server import Server

from r1v3.analyze.mlflow.publish import ResultFiles, publish_runs
from r1v3.analyze.mlflow.store import MlflowStore
from r1v3.analyze.mlflow.views import CHART, RUN_LIST, link, set_views
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="`apt-get install chromium` brings the browser"),
]


@pytest.fixture
def published(tmp_path):
    """Return a database with made-up results, or that of R1V3_MLFLOW_DB, and the experiment's name."""
    if given := os.environ.get("R1V3_MLFLOW_DB"):
        return f"sqlite:///{given}"
    tree = build_tree(tmp_path, ResultGraph(load_project(ROOT, "tiny")))
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    publish_runs(
        load_project(ROOT, "tiny").recipe,
        ResultFiles(
            tree.runs, [tree.selection], [*tree.checkpoints, *tree.held_out, tree.benchmarks]
        ),
        tracking_uri=uri,
        output=tmp_path / "mlflow.json",
    )
    return uri


@pytest.fixture
def page(tmp_path, published):
    """Yield a browser, with MLflow's server as `make ui` starts it."""
    server = Server(tmp_path, published, str(tmp_path / "artifacts"))
    server.start()
    browser = Browser(tmp_path / "profile")
    yield browser, server.address
    browser.close()
    server.stop()


def test_one_click_on_the_compare_page_draws_mmmu_against_critical_token_entropy(
    page, published, tmp_path
):
    from mlflow import MlflowClient

    browser, address = page
    client = MlflowClient(published)
    experiment = client.get_experiment_by_name("tiny").experiment_id
    found = client.search_runs([experiment], "tags.stage = 'checkpoint'")
    runs, experiments = json.dumps([r.info.run_id for r in found]), json.dumps([experiment])
    browser.open(f"{address}/#/compare-runs?runs={runs}&experiments={experiments}")
    browser.click_text("Scatter Plot")
    drawn = browser.wait("""(() => {
        const [plot] = document.querySelectorAll('.js-plotly-plot');
        if (!plot || !plot.data || plot.data[0].type.slice(0, 7) !== "scatter") return null;
        const axes = [plot.layout.xaxis.title.text, plot.layout.yaxis.title.text];
        return [axes, plot.data.map((t) => t.x.map((x, n) => [x, t.y[n]])).flat()];
    })()""")
    assert drawn[0] == ["mmmu_val", "critical_token_entropy"]
    expected = [[r.data.metrics[axis] for axis in drawn[0]] for r in found]
    assert sorted(drawn[1]) == sorted(expected)
    browser.screenshot(tmp_path / "page.png")
    assert browser.foreign == []


def test_the_printed_link_opens_the_chart_without_a_click(page, published, tmp_path):
    browser, address = page
    graph = ResultGraph(load_project(ROOT, "tiny"))
    store = MlflowStore(published, "tiny")
    set_views(store, graph.recipe.evaluation, graph.project.studies, "a note")
    browser.open(link(address, store.experiment, CHART, chart=True))
    points = browser.wait(
        """(() => {
        for (const plot of document.querySelectorAll('.js-plotly-plot')) {
            const axes = plot.layout && [plot.layout.xaxis.title.text, plot.layout.yaxis.title.text];
            if (axes && axes[0] === "critical_token_entropy" && axes[1] === "mmmu_val")
                return plot.data.reduce((n, trace) => n + trace.x.length, 0);
        }
        return null;
    })()""",
        seconds=180,
    )
    found = store.client.search_runs([store.experiment], "tags.stage = 'checkpoint'")
    assert points == len(found)
    browser.screenshot(tmp_path / "chart.png")


def test_the_printed_link_opens_the_run_list_with_metrics(page, published):
    browser, address = page
    graph = ResultGraph(load_project(ROOT, "tiny"))
    store = MlflowStore(published, "tiny")
    set_views(store, graph.recipe.evaluation, graph.project.studies, "a note")
    browser.open(link(address, store.experiment, RUN_LIST))
    columns = "[...document.querySelectorAll('[role=columnheader]')].map((e) => e.innerText.trim())"
    # The list draws the columns that are in sight, and these come first.
    first = ("critical_token_entropy", "held_out/math/accuracy")
    browser.wait(" && ".join(f"{columns}.includes('{each}')" for each in first), seconds=180)
