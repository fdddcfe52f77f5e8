"""Reads the folders of results/ for the analysis: config, manifest, metrics, scores."""

import json
import re
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from r1v3.base.json_file import MADE_AGAIN
from r1v3.recipe.graph.configs import EvaluationConfig, StageConfig, typed_config
from r1v3.recipe.graph.identity import Node
from r1v3.recipe.outputs.config_file import read_resolved
from r1v3.recipe.outputs.manifest import read_manifest
from r1v3.recipe.outputs.score_file import read_score_file
from r1v3.train.core.metrics import finite_values, read_metrics

Config = TypeVar("Config", bound=StageConfig)


@dataclass(frozen=True)
class Result:
    """A folder with config.json and manifest.json: a run, a data set, a selection or a benchmark.

    `resolved` is the resolved config as it is in the file. `config` is the same as a typed config.
    """

    name: str
    id: str
    folder: Path
    resolved: dict[str, Any]
    facts: dict[str, Any]
    environment: dict[str, Any]
    created: str
    kind: str

    @cached_property
    def config(self) -> StageConfig:
        """Return the typed config that the stage itself reads.

        Raises:
            pydantic.ValidationError: another version of the code made the folder.
        """
        return typed_config(Node(self.kind, self.name, self.resolved, ()))

    def config_as(self, kind: type[Config]) -> Config:
        """Return the typed config, checked to be of one kind of stage.

        Raises:
            ValueError: another kind of stage made the result.
        """
        if not isinstance(self.config, kind):
            raise ValueError(
                f"{self.folder}: a result with a {kind.__name__} is needed, not one of stage {self.kind}"
            )
        return self.config

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """Return the rows of a training run's metrics, in order of steps."""
        return read_metrics(self.folder / "metrics.jsonl")

    def series(self, key: str) -> tuple[list[int], list[float]]:
        """Return the steps that have a metric, and its values."""
        values = finite_values(self.metrics, key)
        return list(values), list(values.values())


@dataclass(frozen=True)
class Scores:
    """One evaluation: its resolved config and its scores.json."""

    path: Path
    resolved: dict[str, Any]
    benchmarks: dict[str, dict[str, Any]]
    held_out: dict[str, dict[str, Any]]

    @cached_property
    def config(self) -> EvaluationConfig:
        """Return the typed config that the evaluation itself reads."""
        return EvaluationConfig.model_validate(self.resolved)

    @property
    def run(self) -> str:
        """Return the name of the run whose checkpoint answered."""
        return name_of(self.resolved["run"])

    @property
    def step(self) -> int | None:
        """Return the training step of the checkpoint that answered; None if the evaluation has none."""
        match = re.fullmatch(r"step-(\d+)", self.resolved["checkpoint"])
        return int(match[1]) if match else None


def read_result(manifest: Path) -> Result:
    """Read the folder of a manifest.

    Raises:
        ValueError: the file is not a manifest.
    """
    manifest = Path(manifest)
    content = read_manifest(manifest)
    return Result(
        name=content["name"],
        id=manifest.parent.name,
        folder=manifest.parent,
        resolved=read_resolved(manifest.parent / "config.json"),
        facts=content["facts"],
        environment=content.get("environment", {}),
        created=content.get("created", ""),
        kind=content["kind"],
    )


def read_scores(path: Path) -> Scores:
    """Read scores.json and the config beside it. Benchmarks and sets keep the config's order.

    A benchmark that could not be read has no score, and `missing` in scores.json says why.
    """
    path = Path(path)
    content = read_score_file(path)
    resolved = read_resolved(path.parent / "config.json")
    found = content["benchmarks"]
    benchmarks = {name: found[name] for name in resolved["benchmarks"] if name in found}
    lacking = [name for name in resolved["held_out"] if name not in content["held_out"]]
    if lacking:
        raise ValueError(f"{path}: damaged; it has no {', '.join(lacking)}; {MADE_AGAIN}")
    held_out = {name: content["held_out"][name] for name in resolved["held_out"]}
    return Scores(path, resolved, benchmarks, held_out)


def name_of(id: str) -> str:
    """Return the name in an id, such as `rl` for `rl-0123456789`."""
    return id.rpartition("-")[0] or id


def chosen_step(selection: Result) -> int:
    """Return the step that a checkpoint selection chose."""
    return selection.facts["chosen"]


def parameter_count(run: Result) -> int | None:
    """Count the parameters of the run's last checkpoint; None if it is not on this machine."""
    folder = run.folder / str(run.facts.get("best") or run.facts.get("last"))
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return None
    count = 0
    for file in files:
        with open(file, "rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            tensors = json.loads(stream.read(length))
        shapes = [entry["shape"] for name, entry in tensors.items() if name != "__metadata__"]
        count += sum(_product(shape) for shape in shapes)
    return count


def _product(shape: list[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def differing_keys(a: dict[str, str], b: dict[str, str]) -> list[str]:
    """Return the keys whose values differ, those of `a` first."""
    return [key for key in {**a, **b} if a.get(key) != b.get(key)]


def dotted(settings: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Turn nested settings into dotted keys with short texts; lists and nulls become JSON."""
    found: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found |= dotted(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value if isinstance(value, str) else json.dumps(value)
    return found
