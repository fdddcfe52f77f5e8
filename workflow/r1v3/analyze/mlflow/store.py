"""Access to a tracking store with one experiment. The tag `run_id` identifies a run and is unique."""

import hashlib
import logging
import os
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from r1v3.analyze.mlflow.place import correct_artifact_paths
from r1v3.recipe.tracking import without_login, without_secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run

# Packages whose errors mean that the store cannot be used. These errors have no common base class.
LIBRARIES = ("mlflow", "sqlalchemy", "alembic", "google", "requests", "urllib3")
ARTIFACTS = "mlartifacts"
POINTS_A_CALL = 1000
Point = tuple[str, float, int, int]  # metric, value, time in ms, step
# Tags of a live copy: number and sha256 of the rows that it began to send, and number of rows sent.
BEGUN, SENT = "rows_begun", "rows_sent"


@dataclass(frozen=True)
class RunContent:
    """The content that a run of MLflow must have.

    Attributes:
        fingerprint: fingerprint of the files that the content comes from.
        times: start and end, in ms.
        points: makes the points from the start time; the start of a live copy is kept.
        rows: lines of metrics.jsonl; a live copy that sent other lines is replaced.
        complete: adds artifacts, data sets and models to the run with MLflow's id.
    """

    name: str
    fingerprint: str
    tags: dict[str, str]
    times: tuple[int, int]
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    points: Callable[[int], list[Point]] = lambda start: []
    rows: Sequence[bytes] = ()
    complete: Callable[[str], None] = lambda id: None


class MlflowStore:
    """One experiment of a tracking store, without MLflow's log messages and telemetry.

    If a server does not answer, a call fails after one retry and ten seconds instead of four minutes.
    """

    def __init__(self, tracking_uri: str, experiment: str):
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        tracking_uri, user, password = without_login(tracking_uri)
        if user is not None:
            os.environ["MLFLOW_TRACKING_USERNAME"] = user
            os.environ["MLFLOW_TRACKING_PASSWORD"] = password or ""
        from mlflow import MlflowClient, set_tracking_uri

        # The model registry of a database uses the globally set address.
        set_tracking_uri(tracking_uri)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self.name = experiment
        with _one_at_a_time(tracking_uri):
            if is_local(tracking_uri):
                correct_artifact_paths(_database(tracking_uri))
            self.client = MlflowClient(tracking_uri=tracking_uri)
            found = self.client.get_experiment_by_name(experiment)
            if found is None:
                # A server chooses its own place for artifacts; a local database keeps them beside itself.
                local = is_local(tracking_uri)
                location = str(_beside(tracking_uri) / ARTIFACTS) if local else None
                self.experiment = self.client.create_experiment(
                    experiment, artifact_location=location
                )
            else:
                self.experiment = found.experiment_id
                if found.lifecycle_stage == "deleted":
                    self.client.restore_experiment(self.experiment)

    def find(self, key: str, accept: Callable[["Run"], bool]) -> "Run | None":
        """Return the first run with that key that is accepted, after deleting all others with that key."""
        same = None
        for run in self.client.search_runs([self.experiment], f"tags.run_id = '{key}'"):
            if same is None and accept(run):
                same = run
            else:
                self.client.delete_run(run.info.run_id)
        return same

    def keep(self, key: str, content: RunContent) -> str:
        """Give the run with that key exactly this content, and return MLflow's id of it."""
        from mlflow.entities import Param, RunTag

        def is_this(run: "Run") -> bool:
            held = run.data.tags
            if "fingerprint" in held:
                return held["fingerprint"] == content.fingerprint
            return same_rows(held, content.rows)

        same = self.find(key, is_this)
        tags = {**content.tags, "run_id": key, "fingerprint": content.fingerprint}
        if same is not None and same.info.status == "FINISHED" and "fingerprint" in same.data.tags:
            changed = [RunTag(k, v) for k, v in tags.items() if same.data.tags.get(k) != v]
            if changed:
                self.client.log_batch(same.info.run_id, tags=changed)
            return same.info.run_id
        start, end = content.times
        if same is None:
            same = self.client.create_run(
                self.experiment, start_time=start, tags=tags, run_name=content.name
            )
        id = same.info.run_id
        for part in _parts([Param(k, v) for k, v in content.parameters.items()], 100):
            self.client.log_batch(id, params=part)
        self.send(id, content.points(same.info.start_time))
        content.complete(id)
        self.client.log_batch(id, tags=[RunTag(k, v) for k, v in tags.items()])
        self.drop_alarms(id, same.data.tags, tags)
        self.client.set_terminated(id, status="FINISHED", end_time=max(end, same.info.start_time))
        return id

    def drop_alarms(self, id: str, had: dict[str, str], now: dict[str, str]) -> None:
        """Remove the tags of alarms that are over."""
        for key in had:
            if key.startswith("alarm.") and key not in now:
                self.client.delete_tag(id, key)

    def send(self, id: str, points: list[Point], model: str | None = None) -> None:
        """Add points. A point that is sent again with the same time is stored once."""
        from mlflow.entities import Metric

        for part in _parts([Metric(*point, model_id=model) for point in points], POINTS_A_CALL):
            self.client.log_batch(id, metrics=part)


class StoreError(OSError):
    """The store cannot be used. Results are complete without it."""


@contextmanager
def store_errors(tracking_uri: str) -> Generator[None]:
    """Turn the errors of MLflow and its database into one sentence that says what to do.

    Raises:
        StoreError: the server is away, hangs or fails, or the database is damaged.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, sqlite3.Error) and _raised_by(error) not in LIBRARIES:
            raise
        reason = " ".join(str(error).split())[:300]
        shown = without_secrets(tracking_uri)
        if is_local(tracking_uri):
            remedy = "move it away, and `r1v3 ui` makes it again from the result files"
        else:
            remedy = "have the server answer, then call the same command again, or unset MLFLOW_TRACKING_URI"
        if isinstance(error, ImportError):
            remedy = "install the driver of this address, or unset MLFLOW_TRACKING_URI"
        raise StoreError(
            f"{shown}: MLflow's store cannot be used; all results are there without it; {remedy}"
            f" ({reason})"
        ) from error


def _raised_by(error: BaseException) -> str:
    """Return the package whose code raised an error."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame.tb_frame.f_globals["__name__"].partition(".")[0] if frame is not None else ""


def delete_runs(tracking_uri: str, keys: set[str]) -> int:
    """Delete the runs with these keys, their checkpoints and models; return the number of runs."""
    client, count = MlflowStore(tracking_uri, "Default").client, 0
    for id in [each.experiment_id for each in client.search_experiments()]:
        for run in client.search_runs([id], max_results=50_000):
            if run.data.tags.get("run_id", "").partition("/")[0] in keys:
                client.delete_run(run.info.run_id)
                count += 1
        for model in _models(client, id):
            if model.params.get("run_id") in keys:
                client.delete_logged_model(model.model_id)
    return count


def same_rows(tags: dict[str, str], rows: Sequence[bytes]) -> bool:
    """Return whether the rows that a live copy with these tags has sent are the first of these rows."""
    if BEGUN not in tags:
        return True
    number, _, digest = tags[BEGUN].partition(" ")
    return len(rows) >= int(number) and rows_digest(rows[: int(number)]) == digest


def rows_digest(rows: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(rows)).hexdigest()


def publish_lock(folder: Path) -> AbstractContextManager:
    """Return a lock for publishing one run folder."""
    return FileLock(Path(folder) / ".mlflow.lock")


def _one_at_a_time(tracking_uri: str) -> AbstractContextManager:
    """Return a lock on a local database, because two processes must not create its tables together."""
    if not is_local(tracking_uri):
        return nullcontext()
    return FileLock(_beside(tracking_uri) / ".mlflow.lock")


def is_local(tracking_uri: str) -> bool:
    """Return whether a store is a database file instead of a server."""
    return tracking_uri.startswith("sqlite:")


def _database(tracking_uri: str) -> Path:
    return Path(tracking_uri.removeprefix("sqlite:///"))


def _beside(tracking_uri: str) -> Path:
    return _database(tracking_uri).resolve().parent


def _parts(things: Iterable, size: int) -> Iterator[list]:
    things = iter(things)
    while part := list(islice(things, size)):
        yield part


def _models(client: "MlflowClient", experiment: str) -> list["LoggedModel"]:
    """Return all models of an experiment, which MLflow returns in pages."""
    models, token = [], None
    while True:
        page = client.search_logged_models([experiment], max_results=1000, page_token=token)
        models += page
        token = page.token
        if not token:
            return models
