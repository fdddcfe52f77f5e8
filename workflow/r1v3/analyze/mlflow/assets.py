"""Logs data sets and checkpoints in MLflow, and an alias for the chosen checkpoint."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from r1v3.analyze.mlflow.store import MlflowStore, Point
from r1v3.analyze.results import Result, name_of

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

ALIAS = "chosen"


def log_datasets(store: MlflowStore, id: str, run: Result) -> None:
    """Log the data sets of a run's training and validation. The digest is the hash in the set's id."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    data = run.resolved.get("data") or {}
    sets = [(each, "training") for each in (data.values() if isinstance(data, dict) else [data])]
    sets += [(run.resolved["validation"], "validation")] if run.resolved.get("validation") else []
    inputs = []
    for set_id, context in sets:
        source = json.dumps({"uri": f"results/data/{set_id}/records.parquet"})
        entry = Dataset(name_of(set_id), set_id.rpartition("-")[2], "local", source)
        inputs.append(DatasetInput(entry, [InputTag("mlflow.data.context", context)]))
    if inputs:
        store.client.log_inputs(id, datasets=inputs)


def log_checkpoint(
    store: MlflowStore, id: str, run: Result, step: int, path: str, points: list[Point]
) -> str:
    """Log a checkpoint and its scores as a model of MLflow's run `id`, and return the model's id."""
    from mlflow.entities import LoggedModelOutput

    key = f"{run.id}/{path}"
    model = _one_model(store, key, id)
    if model is None:
        model = store.client.create_logged_model(
            store.experiment,
            name=f"{run.name}-step-{step:06d}",
            source_run_id=id,
            tags={"checkpoint": key, "folder": str(run.folder / path)},
            params={"step": str(step), "run_id": run.id},
            model_type=run.kind,
        )
        store.client.log_outputs(id, models=[LoggedModelOutput(model.model_id, step)])
    store.send(id, points, model.model_id)
    if str(model.status) != "READY":
        store.client.finalize_logged_model(model.model_id, "READY")
    return model.model_id


def register_chosen(store: MlflowStore, run: Result, model: str) -> None:
    """Give the chosen checkpoint the alias `chosen` in the registered model `<experiment>-<run>`."""
    from mlflow.exceptions import MlflowException

    name = f"{store.name}-{run.name}"
    try:
        store.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = store.client.search_model_versions(f"name = '{name}'")
    source = f"models:/{model}"
    found = next((version for version in versions if version.source == source), None)
    if found is None:
        found = store.client.create_model_version(name, source=source, model_id=model)
    store.client.set_registered_model_alias(name, ALIAS, found.version)


def dvc_version(folder: Path) -> str:
    """Return the data.dvc of a result folder, and the md5s in it if the folder is recorded in DVC."""
    file = folder / "data.dvc"
    if not file.exists():
        return file.as_posix()
    import yaml

    outs = yaml.safe_load(file.read_text())["outs"]
    return " ".join([file.as_posix(), *(f"{out['path']}={out.get('md5', '')}" for out in outs)])


def _one_model(store: MlflowStore, key: str, id: str) -> "LoggedModel | None":
    """Return the logged model of a checkpoint by MLflow's run `id`, after deleting those of other runs."""
    same = None
    found = store.client.search_logged_models(
        [store.experiment], filter_string=f"tags.`checkpoint` = '{key}'"
    )
    for model in found:
        if model.source_run_id == id and same is None:
            same = model
        else:
            store.client.delete_logged_model(model.model_id)
    return same
