"""A real `mlflow server` with PostgreSQL and S3, which stops in the middle and comes back."""

import json
import threading
import time

import pytest
from made_up_results import ROOT, build_tree

from r1v3.analyze.mlflow.live import follow_runs
from r1v3.analyze.mlflow.publish import ResultFiles, publish_runs
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project
from r1v3.train.core.metrics import MetricsLog

pytestmark = [pytest.mark.integration, pytest.mark.slow]
STEPS, SECONDS = 150, 0.08  # of made-up training


def test_a_server_that_goes_and_comes_back_misses_nothing_and_costs_training_no_time(
    tmp_path, server, bucket
):
    from mlflow import MlflowClient

    tree = build_tree(tmp_path, ResultGraph(load_project(ROOT, "tiny")))
    rl = tree.graph.run("rl")
    folder = tree.folder(rl)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    (folder / "metrics.jsonl").unlink()
    (folder / "manifest.json").rename(folder / "later")
    training = threading.Event()
    follower = threading.Thread(
        target=follow_runs,
        args=(tmp_path, server.address, "tiny"),
        kwargs={"going_on": lambda: not training.is_set(), "every": 0.5},
    )
    follower.start()

    log, slowest = MetricsLog(folder / "metrics.jsonl"), 0.0
    changes = {20: server.start, 90: server.stop}  # away, there for seventy steps, away again
    for row in rows:
        if change := changes.get(row["step"]):
            thread = threading.Thread(target=change)
            thread.start()
            if change == server.start:
                thread.join()
        began = time.monotonic()
        log.write(**row)
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(SECONDS)
    assert slowest < 5  # seconds: less than a server that is away is waited for
    training.set()
    follower.join(timeout=120)
    assert not follower.is_alive()

    (folder / "later").rename(folder / "manifest.json")
    server.start()
    client = MlflowClient(server.address)
    experiment = client.get_experiment_by_name("tiny").experiment_id
    (live,) = client.search_runs([experiment], f"tags.run_id = '{rl.id}'")
    some = len(client.get_metric_history(live.info.run_id, "reward"))
    assert 0 < some < STEPS
    content = [
        publish_runs(
            load_project(ROOT, "tiny").recipe,
            ResultFiles(
                tree.runs, [tree.selection], [*tree.checkpoints, *tree.held_out, tree.benchmarks]
            ),
            tracking_uri=server.address,
            output=tmp_path / "mlflow.json",
        )
        for _ in range(2)
    ]
    assert content[0] == content[1]
    runs = client.search_runs([experiment])
    assert len(runs) == 10
    assert {run.info.status for run in runs} == {"FINISHED"}
    (run,) = (run for run in runs if run.data.tags["run_id"] == rl.id)
    assert run.info.run_id == live.info.run_id
    points = client.get_metric_history(run.info.run_id, "reward")
    assert sorted(point.step for point in points) == list(range(1, STEPS + 1))
    assert len(client.get_metric_history(run.info.run_id, "mmmu_val")) == 5
    stored = bucket[0].list_objects_v2(Bucket="r1v3")["Contents"]
    assert sum(entry["Key"].endswith("/recipe.json") for entry in stored) == 5
    assert client.get_model_version_by_alias("tiny-rl", "chosen").version
