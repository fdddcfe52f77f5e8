"""Publishes training runs in MLflow: a complete copy without duplicates, made from files alone.

Each training run has one MLflow run, which the tag `run_id` identifies. A published run has a tag with the
fingerprint of its files. If the files are the same, nothing is sent again. An interrupted or live copy is
sent again with the same times, so that no point is stored twice. If the files have changed, the old copy is
deleted and a new one is made.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1v3.analyze.mlflow.assets import dvc_version, log_checkpoint, log_datasets, register_chosen
from r1v3.analyze.mlflow.points import (
    checkpoint_metrics,
    cost_points,
    last_step,
    row_points,
    score_points,
    times,
)
from r1v3.analyze.mlflow.store import MlflowStore, Point, RunContent, publish_lock, store_errors
from r1v3.analyze.mlflow.views import CHART, NOTE, set_pair_view, set_views
from r1v3.analyze.results import (
    Result,
    Scores,
    chosen_step,
    dotted,
    name_of,
    read_result,
    read_scores,
)
from r1v3.recipe.graph.arms import studies_of
from r1v3.recipe.outputs.manifest import write_json
from r1v3.recipe.schema.recipe import Recipe
from r1v3.recipe.schema.studies import Study
from r1v3.recipe.tables.runs import CORE
from r1v3.recipe.tracking import without_secrets
from r1v3.train.core.metrics import read_row
from r1v3.train.grpo.records.alarms import find_alarms


@dataclass(frozen=True)
class ResultFiles:
    """The result files that are published.

    Attributes:
        runs: manifests of training runs.
        selections: manifests of checkpoint selections; a GRPO run may lack one.
        scores: scores.json of any evaluation of these runs. If two have the same metric, the first counts.
    """

    runs: list[Path]
    selections: list[Path]
    scores: list[Path]


@dataclass(frozen=True)
class Labels:
    """The texts that MLflow's pages show beside the numbers.

    Attributes:
        studies: studies; a run gets a tag for each study that shows it.
        tags: further tags of each run, by its id (`r1v3.analyze.mlflow.describe`).
        note: the note of the experiment.
    """

    studies: dict[str, Study] = field(default_factory=dict[str, Study])
    tags: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    note: str = ""


NO_LABELS = Labels()


def publish_runs(
    recipe: Recipe,
    files: ResultFiles,
    labels: Labels = NO_LABELS,
    *,
    tracking_uri: str,
    output: Path,
    branch: str = "",
) -> dict[str, Any]:
    """Publish training runs, and below each GRPO run a small run for every kept checkpoint.

    Args:
        recipe: names the experiment, is an artifact of each run, and decides the columns of the views.
        output: file that records what was published.
        branch: name of a branch to which all these runs belong; they get a view of their own.

    Raises:
        StoreError: MLflow cannot be reached, or its database is damaged.
    """
    chosen = {found.resolved["run"]: found for found in map(read_result, files.selections)}
    asked = recipe.evaluation.checkpoint_benchmark
    evaluations = [read_scores(path) for path in files.scores]
    published = {}
    with store_errors(tracking_uri):
        store = MlflowStore(tracking_uri, recipe.name)
        set_views(store, recipe.evaluation, labels.studies, labels.note)
        for run in map(read_result, files.runs):
            mine = [found for found in evaluations if found.resolved["run"] == run.id]
            probes = chosen.get(run.id)
            points = score_points(run, mine, probes, asked)
            fingerprint = _fingerprint(run, mine, probes)
            tags = run_tags(run.kind, run.name, run.folder, run.resolved, labels.studies)
            tags |= _git_tag(run) | labels.tags.get(run.id, {})
            with publish_lock(run.folder):
                raised = alarm_tags(run.kind, run.metrics)
                found = _publish_run(store, run, tags | raised, points, fingerprint, recipe)
                shown = [point for point in points if point[0] in checkpoint_metrics(mine, asked)]
                checkpoints = _publish_checkpoints(
                    store, run, probes, _of_checkpoint(tags, found), shown, fingerprint
                )
            published[run.id] = {
                "mlflow_run": found,
                "points": len(row_points(run.metrics, 0) + points),
                "checkpoints": checkpoints,
            }
        view = CHART
        if branch:
            view = f"branch-{branch}"
            pair = [
                id
                for each in published.values()
                for id in (each["mlflow_run"], *each["checkpoints"].values())
            ]
            set_pair_view(store, view, pair, asked)
    content = {
        "experiment": recipe.name,
        "experiment_id": store.experiment,
        "view": view,
        "tracking_uri": without_secrets(tracking_uri),
        "runs": published,
    }
    write_json(output, content)
    return content


def _publish_run(
    store: MlflowStore,
    run: Result,
    tags: dict[str, str],
    scored: list[Point],
    fingerprint: str,
    recipe: Recipe,
) -> str:
    reinforced = run.kind == "grpo"

    def complete(id: str) -> None:
        store.client.log_artifact(id, str(run.folder / "config.json"))
        store.client.log_dict(id, recipe.model_dump(mode="json"), "recipe.json")
        log_datasets(store, id, run)
        if not reinforced and run.facts["last"]:
            path = run.facts.get("best") or run.facts["last"]
            log_checkpoint(store, id, run, last_step(run), path, scored)

    def points(start: int) -> list[Point]:
        # The scores of a supervised run are sent with the checkpoint that is logged as a model.
        return row_points(run.metrics, start) + cost_points(run) + (scored if reinforced else [])

    content = RunContent(
        name=run.name,
        fingerprint=fingerprint,
        tags=tags,
        times=times(run),
        parameters=settings_of(run.resolved),
        points=points,
        rows=metric_lines(run.folder),
        complete=complete,
    )
    return store.keep(run.id, content)


def _publish_checkpoints(
    store: MlflowStore,
    run: Result,
    probes: Result | None,
    tags: dict[str, str],
    points: list[Point],
    fingerprint: str,
) -> dict[str, str]:
    """Publish a run for each kept checkpoint of a GRPO run; return MLflow's ids by step."""
    if run.kind != "grpo":
        return {}
    found: dict[str, str] = {}
    _, over = times(run)
    for each in (probes or run).facts["checkpoints"]:
        step = each["step"]
        of_step = [point for point in points if point[3] == step]
        chosen = probes is not None and step == chosen_step(probes)
        path = f"checkpoints/step-{step:06d}"

        def complete(id: str, step=step, path=path, of_step=of_step, chosen=chosen) -> None:
            model = log_checkpoint(store, id, run, step, path, of_step)
            if chosen:
                register_chosen(store, run, model)

        known = {"snakemake_rule": "probe", "chosen": str(chosen).lower()} if probes else {}
        # Without parameters, the compare page offers the first metric as the x axis of its scatter plot.
        content = RunContent(
            name=f"{run.name} step {step}",
            fingerprint=f"{fingerprint} {tags['mlflow.parentRunId']}",
            tags={**tags, "stage": "checkpoint", "step": str(step), **known},
            times=(over, over),
            complete=complete,
        )
        found[str(step)] = store.keep(f"{run.id}/step-{step:06d}", content)
    return found


def run_tags(
    kind: str,
    name: str,
    folder: Path,
    resolved: dict[str, Any],
    studies: dict[str, Study] | None = None,
) -> dict[str, str]:
    """Return the tags by which a run is found in MLflow; `stage` is the name of the rule that trains it."""
    start = resolved.get("start")
    start = start["run"] if isinstance(start, dict) else start
    tags = {
        "study": ", ".join(studies_of(studies or {}, name)),
        "path": "core" if name in CORE else "ablation",
        "stage": kind,
        "snakemake_rule": kind,
        "branch": name,
        "recipe_hash": folder.name.rpartition("-")[2],
        "from": name_of(start) if start else "",
        "seed": str(resolved["seed"]),
        "folder": folder.as_posix(),
        "dvc": dvc_version(folder),
    }
    tags |= {f"study.{each}": "yes" for each in studies_of(studies or {}, name)}
    return {key: value for key, value in tags.items() if value}


def alarm_tags(kind: str, rows: list[dict[str, Any]]) -> dict[str, str]:
    """Return a tag for each alarm in a GRPO run's rows, as `r1v3 watch` shows it, and their number."""
    if kind != "grpo":
        return {}
    found = find_alarms(rows)
    tags = {f"alarm.{alarm.name}": f"step {alarm.step}: {alarm.says}" for alarm in found}
    return {"alarms": str(len(found))} | tags


def _of_checkpoint(tags: dict[str, str], parent: str) -> dict[str, str]:
    """Return a run's tags without its description, for the checkpoint runs below it."""
    return {key: value for key, value in tags.items() if key != NOTE} | {
        "mlflow.parentRunId": parent
    }


def settings_of(resolved: dict[str, Any]) -> dict[str, str]:
    """Return the training settings in a run's resolved config, as dotted keys and short texts."""
    settings = resolved.get("settings") or resolved.get("spec", {}).get("settings") or {}
    return dotted(settings)


def metric_lines(folder: Path) -> list[bytes]:
    """Return the lines of metrics.jsonl that hold a step, without a line that is still being written."""
    path = folder / "metrics.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [line + b"\n" for line in lines if read_row(line) is not None]


def _git_tag(run: Result) -> dict[str, str]:
    commit = run.environment.get("commit")
    return {"git": commit + ("+changes" if run.environment.get("dirty") else "")} if commit else {}


def _fingerprint(run: Result, scores: list[Scores], probes: Result | None) -> str:
    digest = hashlib.sha256()
    paths = [run.folder / "manifest.json", run.folder / "metrics.jsonl"]
    paths += sorted(found.path for found in scores)
    paths += [probes.folder / "manifest.json"] if probes else []
    for path in paths:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()
