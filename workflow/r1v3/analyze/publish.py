"""MLflow's copy of training runs: complete, free of duplicates, and made from files alone.

One MLflow run a training run, found again by the tag `run_id`. A published run carries the fingerprint of
its files; while that is the same nothing is sent again, and an interrupted one is sent again with the same
times, which makes no second point. Where the files have changed, the old copy is deleted and a new one made.
"""

import hashlib
import logging
import math
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

from r1v3.analyze.results import (
    Result,
    Scores,
    chosen_step,
    flat,
    name_of,
    read_result,
    read_scores,
)
from r1v3.recipe.manifest import write_json

ARTIFACTS = "mlartifacts"
POINTS_A_CALL = 1000
# In training this is measured on the step's own prompts; the plain name is the probe's, which compares.
RENAMED = {"critical_token_entropy": "critical_token_entropy_sampled"}
PROBED = ("critical_token_entropy", "critical_token_count", "probe_reward", "probe_entropy")
Point = tuple[str, float, int, int]  # metric, value, time in ms, step


def publish(
    *,
    experiment: str,
    runs: list[Path],
    selection: Path,
    scores: list[Path],
    tracking_uri: str,
    output: Path,
) -> dict:
    """Publish training runs, and a small run below a GRPO run for each of its kept checkpoints.

    Args:
        experiment: the experiment's name, which is the recipe's.
        runs: manifests.
        selection: manifest of the GRPO run's checkpoint selection.
        scores: scores.json of any evaluation of these runs.
        output: where to write what was published.
    """
    store = Store(tracking_uri, experiment)
    chosen = read_result(selection)
    evaluations = [read_scores(path) for path in scores]
    published = {}
    for run in map(read_result, runs):
        mine = [found for found in evaluations if found.document["run"] == run.id]
        probes = chosen if chosen.document["run"] == run.id else None
        published[run.id] = _publish_run(store, run, mine, probes)
    content = {"experiment": experiment, "tracking_uri": tracking_uri, "runs": published}
    write_json(output, content)
    return content


def _publish_run(store: "Store", run: Result, scores: list[Scores], probes: Result | None) -> dict:
    points = [*training_points(run), *score_points(run, scores, probes)]
    fingerprint = _fingerprint(run, scores, probes)
    found = store.keep(
        run.id,
        name=run.name,
        fingerprint=fingerprint,
        tags=_tags(run),
        parameters=_parameters(run),
        points=points,
        times=_times(run),
        artifact=run.folder / "config.json",
    )
    checkpoints = {}
    for probe in probes.facts["checkpoints"] if probes else []:
        step = probe["step"]
        of_step = [p for p in points if p[3] == step and p[0] in _checkpoint_metrics(scores)]
        checkpoints[str(step)] = store.keep(
            f"{run.id}/step-{step:06d}",
            name=f"{run.name} step {step}",
            fingerprint=f"{fingerprint} {found}",
            tags={
                **_tags(run),
                "stage": "checkpoint",
                "chosen": str(step == chosen_step(probes)).lower(),
                "mlflow.parentRunId": found,
            },
            parameters={"step": str(step)},
            points=of_step,
            times=(_times(run)[1],) * 2,
        )
    return {"mlflow_run": found, "points": len(points), "checkpoints": checkpoints}


def training_points(run: Result) -> list[Point]:
    """Every number of metrics.jsonl, at the time at which it came to be."""
    start, _ = _times(run)
    points, seconds = [], 0.0
    for row in run.metrics:
        seconds += row.get("seconds", 0.0)
        time = start + round(1000 * seconds)
        for key, value in row.items():
            if key != "step" and _finite(value):
                points.append((RENAMED.get(key, key), value, time, row["step"]))
    return points


def score_points(run: Result, scores: list[Scores], probes: Result | None) -> list[Point]:
    """The probes of a GRPO run's checkpoints and every score, at the step of the checkpoint scored."""
    _, time = _times(run)
    points = []
    for probe in probes.facts["checkpoints"] if probes else []:
        values = (
            probe["emitted"]["mean"],  # however few: the count stands beside
            probe["emitted"]["count"],
            probe["reward"],
            probe["entropy"],
        )
        points += [(k, v, time, probe["step"]) for k, v in zip(PROBED, values) if _finite(v)]
    for found in scores:
        step = _step(found, run, probes)
        values = {name: score["mean"] for name, score in found.benchmarks.items()}
        for name, score in found.held_out.items():
            values |= {f"held_out/{name}/{key}": score[key] for key in ("accuracy", "format")}
        points += [(k, v, time, step) for k, v in values.items()]
    return points


def _step(scores: Scores, run: Result, probes: Result | None) -> int:
    if scores.step is not None:
        return scores.step
    if scores.document["checkpoint"] == "selected" and probes is not None:
        return chosen_step(probes)
    best = run.facts.get("best_step")
    return run.facts["steps"] if best is None else best


def _checkpoint_metrics(scores: list[Scores]) -> set[str]:
    """What a checkpoint's own run shows: its probe, and the benchmarks that every checkpoint has."""
    benchmarks = {name for found in scores if found.step is not None for name in found.benchmarks}
    return benchmarks | set(PROBED)


def _tags(run: Result) -> dict[str, str]:
    start = run.document.get("start")
    start = start["run"] if isinstance(start, dict) else start
    tags = {
        "stage": run.kind,
        "branch": run.name,
        "recipe_hash": run.id.rpartition("-")[2],
        "from": name_of(start) if start else "",
        "seed": str(run.document["seed"]),
        "git": run.environment.get("commit") or "",
        "folder": run.folder.as_posix(),
    }
    return {key: value for key, value in tags.items() if value}


def _parameters(run: Result) -> dict[str, str]:
    settings = run.document.get("settings") or run.document.get("spec", {}).get("settings") or {}
    return flat(settings)


def _times(run: Result) -> tuple[int, int]:
    """Start and end of a run in ms; the end is when its manifest was written."""
    end = round(1000 * datetime.fromisoformat(run.created).timestamp())
    seconds = sum(row.get("seconds", 0.0) for row in run.metrics)
    return end - round(1000 * seconds), end


def _fingerprint(run: Result, scores: list[Scores], probes: Result | None) -> str:
    digest = hashlib.sha256()
    paths = [run.folder / "manifest.json", run.folder / "metrics.jsonl"]
    paths += [found.path for found in scores]
    paths += [probes.folder / "manifest.json"] if probes else []
    for path in paths:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def _finite(value) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


class Store:
    """One experiment of a tracking store; quiet, and without messages to anybody else."""

    def __init__(self, tracking_uri: str, experiment: str):
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        from mlflow import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self.client = MlflowClient(tracking_uri=tracking_uri)
        found = self.client.get_experiment_by_name(experiment)
        if found is None:
            # A server keeps artifacts where it was told to; a local file store keeps them beside itself.
            local = tracking_uri.startswith("sqlite:")
            location = str(_beside(tracking_uri)) if local else None
            self.experiment = self.client.create_experiment(experiment, artifact_location=location)
        else:
            self.experiment = found.experiment_id
            if found.lifecycle_stage == "deleted":
                self.client.restore_experiment(self.experiment)

    def keep(
        self,
        key: str,
        *,
        name: str,
        fingerprint: str,
        tags: dict[str, str],
        parameters: dict[str, str],
        points: list[Point],
        times: tuple[int, int],
        artifact: Path | None = None,
    ) -> str:
        """Make sure that the store has exactly this as the run of that key; return MLflow's id of it."""
        from mlflow.entities import Metric, Param, RunTag

        wanted = f"tags.run_id = '{key}'"
        same = None
        for run in self.client.search_runs([self.experiment], wanted):
            held = run.data.tags
            if held.get("fingerprint") != fingerprint or same is not None:
                self.client.delete_run(run.info.run_id)
            else:
                same = run
        if same is not None and same.info.status == "FINISHED":
            return same.info.run_id
        start, end = times
        if same is None:
            tags = {**tags, "run_id": key, "fingerprint": fingerprint}
            same = self.client.create_run(
                self.experiment, start_time=start, tags=tags, run_name=name
            )
        id = same.info.run_id
        for part in _parts([Param(k, v) for k, v in parameters.items()], 100):
            self.client.log_batch(id, params=part)
        for part in _parts([Metric(*point) for point in points], POINTS_A_CALL):
            self.client.log_batch(id, metrics=part)
        if artifact is not None:
            self.client.log_artifact(id, str(artifact))
        self.client.log_batch(id, tags=[RunTag(k, v) for k, v in tags.items()])
        self.client.set_terminated(id, status="FINISHED", end_time=end)
        return id


def _beside(tracking_uri: str) -> Path:
    return Path(tracking_uri.removeprefix("sqlite:///")).resolve().parent / ARTIFACTS


def _parts(things: Iterable, size: int) -> Iterator[list]:
    things = iter(things)
    while part := list(islice(things, size)):
        yield part
