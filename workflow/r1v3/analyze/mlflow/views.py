"""Prepares MLflow's pages: chosen columns, the chart, and links that open them.

MLflow stores a shared view as a tag of the experiment, `mlflow.sharedViewState.<key>`, and a link names the
key. Without a view, the run list of MLflow 3.17 shows no metric and no parameter, and the chart takes ten
clicks.
"""

import json
from typing import Any
from urllib.parse import urlencode

from r1v3.analyze.mlflow.store import MlflowStore
from r1v3.recipe.schema.recipe import Evaluation
from r1v3.recipe.schema.studies import Study

KIND = "mlflow.experimentKind"  # without it, MLflow shows pages for chat models
NOTE = "mlflow.note.content"
SHARED = "mlflow.sharedViewState."
ENTROPY = "critical_token_entropy"
RUN_LIST, CHART = "runs", "entropy"


def columns(benchmark: str, held_out: list[str]) -> list[str]:
    """Return the columns of the run list: what a run is, how it differs, its scores, its cost."""
    metrics = ["reward", ENTROPY, benchmark, *(f"held_out/{name}/accuracy" for name in held_out)]
    return [
        "tags.`stage`",
        "tags.`differs`",
        "attributes.`Dataset`",
        *(f"metrics.`{name}`" for name in metrics),
        "metrics.`system/hours`",
        "metrics.`system/gpu_hours`",
    ]


def set_views(
    store: MlflowStore, evaluation: Evaluation, studies: dict[str, Study], note: str
) -> None:
    """Set the experiment's note and its shared views. Calling it again changes nothing.

    Args:
        evaluation: the recipe's section, which names the benchmark and held-out sets to show.
        studies: each gets a view of its own runs.
    """
    benchmark = evaluation.checkpoint_benchmark
    shown = columns(benchmark, list(evaluation.held_out))
    views = {
        RUN_LIST: _view(shown, "tags.stage != 'checkpoint'"),
        CHART: _view(shown, "tags.stage = 'checkpoint'", scatter=(ENTROPY, benchmark)),
    }
    for name in studies:
        views[f"study-{name}"] = _view(
            shown,
            f"tags.`study.{name}` = 'yes' AND tags.stage != 'checkpoint'",
            lines=("reward", "entropy", "loss"),
        )
    wanted = {KIND: "custom_model_development"} | ({NOTE: note} if note else {})
    wanted |= {f"{SHARED}{key}": json.dumps(view, sort_keys=True) for key, view in views.items()}
    _set_tags(store, wanted)


def set_pair_view(store: MlflowStore, key: str, runs: list[str], benchmark: str) -> None:
    """Set a view of some runs alone, such as a branch with its parent and the checkpoints of both.

    Args:
        runs: MLflow's ids of the runs.
    """
    chosen = ", ".join(f"'{run}'" for run in runs)
    view = _view(
        columns(benchmark, []), f"attributes.run_id IN ({chosen})", scatter=(ENTROPY, benchmark),
        lines=("reward", "entropy", "loss"),
    )  # fmt: skip
    _set_tags(store, {f"{SHARED}{key}": json.dumps(view, sort_keys=True)})


def link(address: str, experiment: str, key: str, *, chart: bool = False) -> str:
    """Return a link that opens a shared view of an experiment, as a chart or as a list."""
    query = {"workflowType": "machine_learning"}
    query |= {"compareRunsMode": "CHART"} if chart else {}
    query |= {"viewStateShareKey": key}
    return f"{address}/#/experiments/{experiment}/runs?{urlencode(query)}"


def _set_tags(store: MlflowStore, wanted: dict[str, str]) -> None:
    held = store.client.get_experiment(store.experiment).tags
    for key, value in wanted.items():
        if held.get(key) != value:
            store.client.set_experiment_tag(store.experiment, key, value)


def _view(
    shown: list[str],
    search: str,
    *,
    scatter: tuple[str, str] | None = None,
    lines: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return a view in the form that MLflow's pages use."""
    place = {"metricSectionId": "chosen", "deleted": False, "isGenerated": False}
    charts: list[dict[str, Any]] = []
    if scatter:
        x, y = ({"key": key, "dataAccessKey": key, "type": "METRIC"} for key in scatter)
        charts.append(
            {
                "type": "SCATTER",
                "uuid": "entropy",
                "xaxis": x,
                "yaxis": y,
                "runsCountToCompare": 100,
            }
        )
    for key in lines:
        chart: dict[str, Any] = {
            "type": "LINE",
            "uuid": key,
            "metricKey": key,
            "selectedMetricKeys": [key],
        }
        chart |= {"xAxisKey": "step", "scaleType": "linear", "lineSmoothness": 0}
        charts.append(chart)
    section = {"uuid": "chosen", "name": "Chosen", "display": True, "isReordered": False}
    section |= {"deleted": False, "isGenerated": False}
    # A single chart gets the full width; MLflow's own default is three in a row.
    section |= {"columns": min(len(charts), 2), "cardHeight": 340}
    return {
        "searchFilter": search,
        # If runs are sorted by time, MLflow folds them below their parents, and no chart shows them.
        "orderByKey": f"metrics.`{scatter[0]}`" if scatter else "attributes.start_time",
        "orderByAsc": True,
        "isAccordionReordered": True,  # otherwise MLflow sorts sections by name, and this one is not first
        "selectedColumns": shown,
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": [chart | place for chart in charts] or None,
        "compareRunSections": [section] if charts else None,
    }
