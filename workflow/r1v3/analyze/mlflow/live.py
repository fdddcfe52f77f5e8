"""Sends the metrics of running training to MLflow, from one process beside the workflow.

Training never waits for it, so a slow or missing server costs no training time. Rows that could not be sent
are sent when the server answers again, or by the rule `publish`. Each live copy stores the number and the
sha256 of the rows that it has begun to send. If a resumed run has rewritten its rows, its copy is deleted and
made again, so that no step appears twice.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1v3.analyze.mlflow.points import row_points
from r1v3.analyze.mlflow.publish import alarm_tags, metric_lines, run_tags, settings_of
from r1v3.analyze.mlflow.store import (
    BEGUN,
    SENT,
    MlflowStore,
    StoreError,
    publish_lock,
    rows_digest,
    same_rows,
    store_errors,
)
from r1v3.base.json_file import read_json
from r1v3.recipe.graph.identity import RESOLVED
from r1v3.recipe.schema.studies import Study

if TYPE_CHECKING:
    from mlflow.entities import Run

EVERY = 5.0  # seconds between two looks
ROWS_A_CALL = 50


def follow_runs(
    root: Path,
    tracking_uri: str,
    experiment: str,
    *,
    going_on: Callable[[], bool],
    every: float = EVERY,
    studies: dict[str, Study] | None = None,
) -> None:
    """Send new rows of unfinished runs until `going_on` returns False, then once more."""
    store: MlflowStore | None = None
    since, more = time.time(), True
    touched: set[Path] = set()
    while more:
        more = going_on()
        if more:
            _sleep(every, going_on)
        try:
            active = [run for run in unfinished(root, since) if run not in touched] + list(touched)
            with store_errors(tracking_uri):
                if active:
                    store = store or MlflowStore(tracking_uri, experiment)
                    for folder in active:
                        send_new(store, folder, studies)
                        touched.add(folder)
        except StoreError as error:
            reason = str(error.__cause__)[:200]
            print(f"MLflow does not answer; these rows are sent later: {reason}", flush=True)
    for folder in sorted(touched):
        try:
            with store_errors(tracking_uri):
                if store is not None:
                    close_copy(store, folder)
        except StoreError as error:
            reason = str(error.__cause__)[:200]
            print(f"{folder.name} stays marked as running: {reason}", flush=True)


def unfinished(root: Path, since: float) -> list[Path]:
    """Return run folders in which training has written since a time."""
    found = []
    for metrics in sorted((root / "results" / "runs").glob("*/metrics.jsonl")):
        if metrics.stat().st_mtime >= since and (metrics.parent / "config.json").exists():
            found.append(metrics.parent)
    return found


def send_new(store: MlflowStore, folder: Path, studies: dict[str, Study] | None = None) -> int:
    """Send the rows that the store does not have yet, and return their number."""
    from mlflow.entities import RunTag

    with publish_lock(folder):
        lines = metric_lines(folder)
        run = store.find(folder.name, lambda found: same_rows(found.data.tags, lines))
        if run is not None and "fingerprint" in run.data.tags:
            return 0
        rows = [json.loads(line) for line in lines]
        if run is None:
            run = _begin(store, folder, rows, studies)
        id, sent = run.info.run_id, int(run.data.tags.get(SENT, 0))
        if run.info.status == "KILLED" and sent < len(rows):
            store.client.update_run(id, status="RUNNING")
        for at in range(sent, len(rows), ROWS_A_CALL):
            to = min(at + ROWS_A_CALL, len(rows))
            store.client.log_batch(id, tags=[RunTag(BEGUN, f"{to} {rows_digest(lines[:to])}")])
            seconds = sum(row.get("seconds", 0.0) for row in rows[:at])
            store.send(id, row_points(rows[at:to], run.info.start_time, seconds))
            store.client.log_batch(id, tags=[RunTag(SENT, str(to))])
        if len(rows) > sent:
            kind = read_json(folder / "config.json", "kind")["kind"]
            alarms = alarm_tags(kind, rows)
            store.client.log_batch(id, tags=[RunTag(k, v) for k, v in alarms.items()])
            store.drop_alarms(id, run.data.tags, alarms)
        return len(rows) - sent


def close_copy(store: MlflowStore, folder: Path) -> None:
    """Mark a live copy as finished, or as killed if the run has no manifest."""
    with publish_lock(folder):
        run = store.find(folder.name, lambda _: True)
        if run is not None and run.info.status == "RUNNING":
            finished = (folder / "manifest.json").exists()
            store.client.set_terminated(
                run.info.run_id, status="FINISHED" if finished else "KILLED"
            )


def alive(process: int) -> bool:
    """Return whether a process with that id exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _begin(
    store: MlflowStore, folder: Path, rows: list[dict[str, Any]], studies: dict[str, Study] | None
) -> "Run":
    from mlflow.entities import Param

    config = read_json(folder / "config.json", "kind", "name", RESOLVED)
    resolved = config[RESOLVED]
    seconds = sum(row.get("seconds", 0.0) for row in rows)
    relative = Path(*folder.parts[-3:])
    tags = run_tags(config["kind"], config["name"], relative, resolved, studies)
    tags["run_id"] = folder.name
    run = store.client.create_run(
        store.experiment,
        start_time=round(1000 * (time.time() - seconds)),
        tags=tags,
        run_name=config["name"],
    )
    params = [Param(k, v) for k, v in settings_of(resolved).items()]
    store.client.log_batch(run.info.run_id, params=params)
    return run


def _sleep(seconds: float, going_on: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and going_on():
        time.sleep(min(0.5, seconds))
