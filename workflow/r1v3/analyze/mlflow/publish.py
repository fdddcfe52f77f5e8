"""MLflow's copy of training runs: complete, free of duplicates, and made from files alone.

One MLflow run a training run, found again by the tag `run_id`. A published run carries the fingerprint of
its files; while that is the same nothing is sent again, and an interrupted or live one is sent again with
the same times, which makes no second point. Where the files have changed, the old copy is deleted and a
new one made.
"""

import hashlib
from pathlib import Path

from r1v3.analyze.mlflow.assets import dvc_version, log_checkpoint, log_datasets, register_chosen
from r1v3.analyze.mlflow.points import (
    checkpoint_metrics,
    last_step,
    row_points,
    score_points,
    times,
)
from r1v3.analyze.mlflow.store import MlflowStore, Point, alone_with
from r1v3.analyze.results import (
    Result,
    Scores,
    chosen_step,
    flat,
    name_of,
    read_result,
    read_scores,
)
from r1v3.recipe.graph.arms import studies_of
from r1v3.recipe.outputs.manifest import write_json
from r1v3.recipe.schema.studies import Study
from r1v3.recipe.tables.runs import CORE


def publish(
    *,
    experiment: str,
    recipe: dict,
    runs: list[Path],
    selections: list[Path],
    scores: list[Path],
    tracking_uri: str,
    output: Path,
    studies: dict[str, Study] | None = None,
) -> dict:
    """Publish training runs, and a small run below a GRPO run for each of its kept checkpoints.

    Args:
        experiment: the experiment's name, which is the recipe's.
        recipe: the resolved recipe, an artifact of each run.
        runs: manifests.
        selections: manifests of the checkpoint selections of GRPO runs; one without is published without.
        scores: scores.json of any evaluation of these runs; of two that say the same, the first counts.
        output: where to write what was published.
        studies: of which a run is tagged with those that show it.
    """
    store = MlflowStore(tracking_uri, experiment)
    chosen = {found.document["run"]: found for found in map(read_result, selections)}
    asked = recipe.get("evaluation", {}).get("checkpoint_benchmark")
    evaluations = [read_scores(path) for path in scores]
    published = {}
    for run in map(read_result, runs):
        mine = [found for found in evaluations if found.document["run"] == run.id]
        probes = chosen.get(run.id)
        points = score_points(run, mine, probes, asked)
        fingerprint = _fingerprint(run, mine, probes)
        tags = run_tags(run.kind, run.name, run.folder, run.document, studies) | _git_tag(run)
        with alone_with(run.folder):
            found = _publish_run(store, run, tags, points, fingerprint, recipe)
            shown = [point for point in points if point[0] in checkpoint_metrics(mine, asked)]
            checkpoints = _publish_checkpoints(
                store, run, probes, tags | {"mlflow.parentRunId": found}, shown, fingerprint
            )
        published[run.id] = {
            "mlflow_run": found,
            "points": len(row_points(run.metrics, 0) + points),
            "checkpoints": checkpoints,
        }
    content = {"experiment": experiment, "tracking_uri": tracking_uri, "runs": published}
    write_json(output, content)
    return content


def _publish_run(
    store: MlflowStore, run: Result, tags: dict, scored: list[Point], fingerprint: str, recipe: dict
) -> str:
    reinforced = run.kind == "grpo"

    def complete(id: str) -> None:
        store.client.log_artifact(id, str(run.folder / "config.json"))
        store.client.log_dict(id, recipe, "recipe.json")
        log_datasets(store, id, run)
        if not reinforced and run.facts["last"]:
            path = run.facts.get("best") or run.facts["last"]
            log_checkpoint(store, id, run, last_step(run), path, scored)

    return store.keep(
        run.id,
        name=run.name,
        fingerprint=fingerprint,
        tags=tags,
        parameters=parameters(run.document),
        # With a logged model's checkpoint the scores are sent once more, linked; without, only here.
        points=lambda start: row_points(run.metrics, start) + (scored if reinforced else []),
        times=times(run),
        rows=metric_lines(run.folder),
        complete=complete,
    )


def _publish_checkpoints(
    store: MlflowStore,
    run: Result,
    probes: Result | None,
    tags: dict,
    points: list[Point],
    fingerprint: str,
) -> dict[str, str]:
    """A run below a GRPO run for each kept checkpoint; MLflow's ids by step."""
    if run.kind != "grpo":
        return {}
    found = {}
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
        found[str(step)] = store.keep(
            f"{run.id}/step-{step:06d}",
            name=f"{run.name} step {step}",
            fingerprint=f"{fingerprint} {tags['mlflow.parentRunId']}",
            tags={**tags, "stage": "checkpoint", "step": str(step), **known},
            # No parameters: the compare page then offers the first metric as the x axis of its scatter plot.
            parameters={},
            points=lambda start: [],
            times=(times(run)[1],) * 2,
            complete=complete,
        )
    return found


def run_tags(
    kind: str, name: str, folder: Path, document: dict, studies: dict[str, Study] | None = None
) -> dict[str, str]:
    """By what a run is found; the rule that trains a stage has the stage's name."""
    start = document.get("start")
    start = start["run"] if isinstance(start, dict) else start
    tags = {
        "study": ", ".join(studies_of(studies or {}, name)),
        "path": "core" if name in CORE else "ablation",
        "stage": kind,
        "snakemake_rule": kind,
        "branch": name,
        "recipe_hash": folder.name.rpartition("-")[2],
        "from": name_of(start) if start else "",
        "seed": str(document["seed"]),
        "folder": folder.as_posix(),
        "dvc": dvc_version(folder),
    }
    return {key: value for key, value in tags.items() if value}


def parameters(document: dict) -> dict[str, str]:
    settings = document.get("settings") or document.get("spec", {}).get("settings") or {}
    return flat(settings)


def metric_lines(folder: Path) -> list[bytes]:
    """The whole lines of metrics.jsonl; one that is still being written is left out."""
    path = folder / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [line for line in lines if line.endswith(b"\n")]


def _git_tag(run: Result) -> dict[str, str]:
    commit = run.environment.get("commit")
    return {"git": commit + ("+changes" if run.environment.get("dirty") else "")} if commit else {}


def _fingerprint(run: Result, scores: list[Scores], probes: Result | None) -> str:
    digest = hashlib.sha256()
    paths = [run.folder / "manifest.json", run.folder / "metrics.jsonl"]
    paths += [found.path for found in scores]
    paths += [probes.folder / "manifest.json"] if probes else []
    for path in paths:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()
