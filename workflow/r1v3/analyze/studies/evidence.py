"""What a study reads of finished results: curves, item by item verdicts, probes; by arm and seed.

Nothing here trains or answers; a result that is missing is an error that names the folder.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from r1v3.analyze.results import Result, read_result
from r1v3.recipe.graph.arms import evaluation_of, seeded, steps_of, suite_of
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.schema.studies import Arm, Study


class Evidence:
    """The results of one study.

    Args:
        root: of the checkout, above results/.
        seeds: how many seeds each arm was run with.
    """

    def __init__(self, documents: ResultGraph, study: Study, root: Path, seeds: int):
        self.documents, self.study, self.root, self.seeds = documents, study, Path(root), seeds

    def arm(self, label: str) -> Arm:
        """The arm of that label."""
        return self.study.arms[label]

    def seeds_of(self, label: str) -> range:
        """The seeds that give an arm different results: one alone where its run is shared by all."""
        run = self.arm(label).run
        return range(1, 2 if seeded(self.documents, run, 2) == run else self.seeds + 1)

    def run(self, label: str, seed: int) -> Result:
        """The run of an arm."""
        node = self.documents.run(seeded(self.documents, self.arm(label).run, seed))
        return _result(self.root / node.folder / "manifest.json")

    def curve(self, label: str, seed: int, key: str) -> pd.Series:
        """A metric by step; `grad_norm` is over all groups, `critical_share` critical tokens a response."""
        run = self.run(label, seed)
        if not run.metrics:
            return pd.Series(dtype=float)
        steps = pd.DataFrame(run.metrics).set_index("step")
        if key == "grad_norm":
            groups = steps.filter(regex=r"^grad_norm/")
            return np.sqrt((groups.astype(float) ** 2).sum(axis=1, min_count=1)).dropna()
        if key == "critical_share":
            settings = run.document["settings"]
            if "critical_tokens" not in steps:
                return pd.Series(dtype=float)
            return steps["critical_tokens"] / (settings["prompts_per_step"] * settings["samples"])
        if key not in steps:
            return pd.Series(dtype=float)
        return pd.to_numeric(steps[key]).dropna()

    def items(self, label: str, measure: str, seed: int) -> pd.Series:
        """An arm's value of every item, at the mean of its runs: a share of right answers, or tokens."""
        node = evaluation_of(self.documents, self.study, self.arm(label), measure, seed)
        return _items(self.root / node.folder, measure)

    def items_at(self, label: str, measure: str, seed: int, step: int) -> pd.Series:
        """The same at a kept step of a reinforced arm."""
        run = seeded(self.documents, self.arm(label).run, seed)
        node = self.documents.evaluation(run, f"step-{step:06d}", suite_of(measure, None)[0])
        return _items(self.root / node.folder, measure)

    def steps(self, label: str) -> list[int]:
        """The kept steps of a reinforced arm."""
        return steps_of(self.documents, self.arm(label))

    def probes(self, label: str, seed: int) -> list[dict]:
        """What the probe measured of each kept checkpoint of a reinforced arm."""
        node = self.documents.selection(seeded(self.documents, self.arm(label).run, seed))
        return _result(self.root / node.folder / "manifest.json").facts["checkpoints"]

    def verdicts(self, label: str, measure: str, seed: int) -> pd.DataFrame:
        """Every answer of an arm to a benchmark or set, with its verdict."""
        node = evaluation_of(self.documents, self.study, self.arm(label), measure, seed)
        return _verdicts(self.root / node.folder, suite_of(measure, None)[1])


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
    column = "tokens" if measure.startswith("tokens:") else "correct"
    return verdicts[column].astype(float).groupby(verdicts["key"]).mean().sort_index()
