"""Live copies in MLflow: in batches during training, complete in the end, and no step twice."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from r1v3.analyze.mlflow.live import alive, close_copy, follow_runs, send_new, unfinished
from r1v3.analyze.mlflow.publish import ResultFiles, publish_runs
from r1v3.analyze.mlflow.store import MlflowStore

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowStore(f"sqlite:///{path}", "tiny")
    return path


@pytest.fixture
def live(tree, empty_database):
    """Return the RL run as it is during training, without a manifest, and a store."""
    shutil.copy(empty_database, tree.root / "mlflow.db")
    folder = tree.folder(tree.graph.run("rl"))
    (folder / "manifest.json").rename(folder / "later")
    (folder / "metrics.jsonl").rename(folder / "rows")
    return folder


def store_of(tree) -> MlflowStore:
    return MlflowStore(f"sqlite:///{tree.root}/mlflow.db", "tiny")


def train(folder: Path, until: int, *, begin: int = 0, **changes) -> None:
    """Write the rows of training up to a step."""
    rows = [json.loads(line) for line in (folder / "rows").read_text().splitlines()]
    mode = "a" if begin else "w"
    with open(folder / "metrics.jsonl", mode) as file:
        file.writelines(json.dumps({**row, **changes}) + "\n" for row in rows[begin:until])


def history(store: MlflowStore, key: str, metric: str = "reward") -> list[tuple[int, float]]:
    (run,) = store.client.search_runs([store.experiment], f"tags.run_id = '{key}'")
    points = store.client.get_metric_history(run.info.run_id, metric)
    return sorted((point.step, point.value) for point in points)


def state(store: MlflowStore, key: str) -> str:
    (run,) = store.client.search_runs([store.experiment], f"tags.run_id = '{key}'")
    return run.info.status


def publish_all(tree, uri: str) -> dict:
    return publish_runs(
        tree.graph.recipe,
        ResultFiles(
            tree.runs, [tree.selection], [*tree.checkpoints, *tree.held_out, tree.benchmarks]
        ),
        tracking_uri=uri,
        output=tree.root / "results" / "mlflow.json",
    )


def test_new_rows_are_sent_once_and_a_half_written_line_waits(tree, live):
    store = store_of(tree)
    train(live, 60)
    with open(live / "metrics.jsonl", "a") as file:
        file.write('{"step": 61, "rew')
    assert send_new(store, live) == 60
    assert send_new(store, live) == 0
    assert [step for step, _ in history(store, live.name)] == list(range(1, 61))
    assert state(store, live.name) == "RUNNING"


def test_what_was_sent_live_is_completed_by_publishing_and_not_doubled(tree, live):
    store = store_of(tree)
    train(live, 70)
    send_new(store, live)
    (run,) = store.client.search_runs([store.experiment], f"tags.run_id = '{live.name}'")
    train(live, 150, begin=70)
    (live / "later").rename(live / "manifest.json")
    content = publish_all(tree, f"sqlite:///{tree.root}/mlflow.db")
    assert content["runs"][live.name]["mlflow_run"] == run.info.run_id
    assert history(store, live.name) == [(n, 0.5 + n / 500) for n in range(1, 151)]
    assert state(store, live.name) == "FINISHED"
    assert send_new(store, live) == 0


def test_a_resumed_run_that_rewrote_its_rows_replaces_its_copy(tree, live):
    store = store_of(tree)
    train(live, 50)
    send_new(store, live)
    train(live, 40)
    train(live, 60, begin=40, reward=0.9)  # another time, another value
    send_new(store, live)
    expected = [(n, 0.5 + n / 500) for n in range(1, 41)] + [(n, 0.9) for n in range(41, 61)]
    assert history(store, live.name) == expected


def test_a_sender_killed_in_the_middle_loses_and_doubles_nothing(tree, live, monkeypatch):
    store = store_of(tree)
    train(live, 150)
    whole, calls = MlflowStore.send, []

    def cut_off(self, *arguments):
        calls.append(1)
        whole(self, *arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(MlflowStore, "send", cut_off)
    with pytest.raises(KeyboardInterrupt):
        send_new(store, live)
    assert send_new(store, live) == 100
    assert len(history(store, live.name)) == 150


def test_a_killed_run_is_ended_and_goes_on_when_it_is_resumed(tree, live):
    store = store_of(tree)
    train(live, 20)
    send_new(store, live)
    close_copy(store, live)
    assert state(store, live.name) == "KILLED"
    train(live, 30, begin=20)
    send_new(store, live)
    assert state(store, live.name) == "RUNNING"
    (live / "later").rename(live / "manifest.json")
    close_copy(store, live)
    assert state(store, live.name) == "FINISHED"


def test_only_runs_that_are_being_written_are_followed(tree, live):
    began = time.time() - 1
    assert live not in unfinished(tree.root, began)
    train(live, 5)
    assert live in unfinished(tree.root, began)
    assert live not in unfinished(tree.root, time.time() + 60)


def test_a_server_that_is_away_is_asked_again_until_the_workflow_ends(tree, live, capsys):
    answers = iter([True, True, True])

    def going_on() -> bool:
        train(live, 5)
        return next(answers, False)

    began = time.monotonic()
    follow_runs(tree.root, "http://127.0.0.1:9", "tiny", going_on=going_on, every=0)
    assert "MLflow does not answer" in capsys.readouterr().out
    assert time.monotonic() - began < 30


def test_many_runs_at_once_lose_no_point_and_lock_nothing(tree, live):
    """Train each run in this process, and follow each in another process, all into one SQLite file."""
    runs = [live.with_name(f"rl_{n}-0123456789") for n in range(8)]
    for run in runs:
        run.mkdir()
        shutil.copy(live / "config.json", run)
        shutil.copy(live / "rows", run)
    script = Path(__file__).with_name("live_runs.py")
    uri = f"sqlite:///{tree.root}/mlflow.db"
    followers = subprocess.Popen(
        [sys.executable, str(script), str(tree.root), uri, "40", *(run.name for run in runs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for step in range(40):
        for run in runs:
            train(run, step + 1, begin=step)
        time.sleep(0.02)
    said = followers.communicate()[0]
    assert followers.returncode == 0, said
    store = store_of(tree)
    for run in runs:
        assert [step for step, _ in history(store, run.name)] == list(range(1, 41))


def test_a_process_is_seen_to_be_there_or_gone():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert alive(process.pid)
    process.communicate(b"\n")
    assert not alive(process.pid)
