"""Reads finished results for a study: curves, verdicts by item, and probes, by arm and seed.

Nothing here trains or asks a model. A missing result raises an error that names its folder.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from r1v3.analyze.results import Result, read_result
from r1v3.base.json_file import read_json
from r1v3.recipe.graph.arms import checkpoint_of, evaluation_of, seeded, steps_of, suite_of
from r1v3.recipe.graph.configs import GrpoConfig
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.schema.studies import Arm, Study


class NotMeasured(LookupError):
    """The given results lack something that a claim needs."""


class Evidence:
    """The results of one study.

    Args:
        root: root of the checkout, above results/.
        seeds: number of seeds that each arm was run with.
    """

    def __init__(self, graph: ResultGraph, study: Study, root: Path, seeds: int):
        self.graph, self.study, self.root, self.seeds = graph, study, Path(root), seeds

    def arm(self, label: str) -> Arm:
        """Return the arm with that label."""
        return self.study.arms[label]

    def seeds_of(self, label: str) -> Sequence[int]:
        """Return the seeds of an arm. A run that all seeds share has one."""
        run = self.arm(label).run
        return range(1, 2 if seeded(self.graph, run, 2) == run else self.seeds + 1)

    def run(self, label: str, seed: int) -> Result:
        """Return the run of an arm and seed."""
        node = self.graph.run(seeded(self.graph, self.arm(label).run, seed))
        return _result(self.root / node.folder / "manifest.json")

    def curve(self, label: str, seed: int, key: str) -> pd.Series:
        """Return a metric by step.

        `grad_norm` is over all groups, and `critical_share` is the number of critical tokens a response.
        """
        run = self.run(label, seed)
        if not run.metrics:
            return pd.Series(dtype=float)
        steps = pd.DataFrame(run.metrics).set_index("step")
        if key == "grad_norm":
            groups = steps.filter(regex=r"^grad_norm/")
            squares = (groups.astype(float) ** 2).sum(axis=1, min_count=1)
            return pd.Series(np.sqrt(squares.to_numpy()), index=squares.index).dropna()
        if key == "critical_share":
            if "critical_tokens" not in steps:
                return pd.Series(dtype=float)
            settings = run.config_as(GrpoConfig).settings
            responses = settings.prompts_per_step * settings.samples
            return column(steps, "critical_tokens") / responses
        if key not in steps:
            return pd.Series(dtype=float)
        return pd.Series(pd.to_numeric(column(steps, key))).dropna()

    def items(self, label: str, measure: str, seed: int) -> pd.Series:
        """Return each item's mean over an arm's evaluation runs: its share of right answers, or tokens."""
        node = evaluation_of(self.graph, self.study, self.arm(label), measure, seed)
        return _items(self.root / node.folder, measure)

    def items_at(self, label: str, measure: str, seed: int, step: int) -> pd.Series:
        """Return the same as `items` for a kept checkpoint of a GRPO arm."""
        run = seeded(self.graph, self.arm(label).run, seed)
        node = self.graph.evaluation(run, f"step-{step:06d}", suite_of(measure, None)[0])
        return _items(self.root / node.folder, measure)

    def steps(self, label: str) -> list[int]:
        """Return the kept steps of a GRPO arm."""
        return steps_of(self.graph, self.arm(label))

    def probes(self, label: str, seed: int) -> list[dict[str, Any]]:
        """Return the probe of each kept checkpoint of a GRPO arm."""
        node = self.graph.selection(seeded(self.graph, self.arm(label).run, seed))
        return _result(self.root / node.folder / "manifest.json").facts["checkpoints"]

    def score(self, label: str, benchmark: str) -> dict[str, Any] | None:
        """Return the first seed's score on a whole benchmark with its interval; None if it was not asked."""
        arm = self.arm(label)
        at = checkpoint_of(self.graph, self.study, arm)
        node = self.graph.evaluation(seeded(self.graph, arm.run, 1), at, "benchmarks")
        scores = read_json(self.root / node.folder / "scores.json", "benchmarks", "held_out")
        return scores["benchmarks"].get(benchmark)

    def verdicts(self, label: str, measure: str, seed: int) -> pd.DataFrame:
        """Return every answer of an arm to a benchmark or set, with its verdict."""
        node = evaluation_of(self.graph, self.study, self.arm(label), measure, seed)
        return _verdicts(self.root / node.folder, suite_of(measure, None)[1])


def column(table: pd.DataFrame, name: str) -> pd.Series:
    """Return one column of a table whose column names are unique."""
    found = table[name]
    assert isinstance(found, pd.Series)
    return found


@cache
def _result(manifest: Path) -> Result:
    return read_result(manifest)


@cache
def _verdicts(folder: Path, name: str) -> pd.DataFrame:
    held_out = folder / "verdicts" / f"held_out.{name}.parquet"
    if held_out.exists():
        return pd.read_parquet(held_out).assign(run=0)
    files = sorted((folder / "verdicts").glob(f"{name}.run-*.parquet"))
    if not files:
        raise FileNotFoundError(f"{folder}: no verdicts of {name}")
    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)


@cache
def _items(folder: Path, measure: str) -> pd.Series:
    verdicts = _verdicts(folder, suite_of(measure, None)[1])
    values = column(verdicts, "tokens" if measure.startswith("tokens:") else "correct")
    by_item = values.astype(float).groupby(column(verdicts, "key")).mean()
    return pd.Series(by_item).sort_index()
