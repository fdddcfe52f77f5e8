"""Reads the content of an MLflow store for comparison in tests."""


def look(uri: str) -> dict[str, dict]:
    """Return each active run by its key: MLflow's id, tags, and the points of each metric."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("tiny").experiment_id
    found = {}
    for run in client.search_runs([experiment]):
        history = {
            key: [
                (point.step, point.value)
                for point in client.get_metric_history(run.info.run_id, key)
            ]
            for key in run.data.metrics
        }
        key = run.data.tags["run_id"]
        assert key not in found
        found[key] = {
            "id": run.info.run_id,
            "status": run.info.status,
            "tags": run.data.tags,
            "params": run.data.params,
            "points": history,
            "artifacts": [a.path for a in client.list_artifacts(run.info.run_id)],
        }
    return found
