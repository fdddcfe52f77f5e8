"""Repeats runs with other seeds for studies: `rl` with a second seed is the run `rl__seed2`.

All seeds share the models and the cold start, because the branches of a study have them in common. Every
later run has a twin for each seed. A GRPO run draws its prompts and samples with its own seed. A run that
starts from it, or a set that it samples, continues from the twin of the same seed. So an interval over seeds
covers the randomness of reinforcement learning and of later runs, given one cold start.
"""

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from r1v3.recipe.names import SEED_MARK
from r1v3.recipe.schema.data import SampledSet
from r1v3.recipe.schema.recipe import ModelEntry, Recipe
from r1v3.recipe.schema.training import Sft
from r1v3.recipe.tables.runs import ResolvedRun

SHARED = ("base", "teacher", "cold_start")

TWIN = re.compile(rf".+{SEED_MARK}(?P<seed>[1-9][0-9]{{0,2}}|1000)-[0-9a-f]{{10}}")


def twin(name: str, seed: int) -> str:
    """Return the name of a run or set with another seed; seed 1 has the table's own name."""
    return name if seed == 1 else f"{name}{SEED_MARK}{seed}"


def untwinned(name: str) -> tuple[str, int]:
    """Return the table's name of a run, and its seed: `("rl", 2)` for `rl__seed2`."""
    plain, mark, seed = name.partition(SEED_MARK)
    return plain, int(seed) if mark else 1


def seeds_on_disk(results: Path) -> int:
    """Return the highest seed of any run below results/, so that no command takes a twin for a leftover."""
    twins = [TWIN.fullmatch(path.name) for path in (results / "runs").glob(f"*{SEED_MARK}*")]
    return max((int(found["seed"]) for found in twins if found), default=1)


def add_seeds(
    recipe: Recipe, runs: dict[str, ResolvedRun], seeds: int
) -> tuple[Recipe, dict[str, ResolvedRun]]:
    """Return the recipe with twins of its sampled sets, and the table with twins of its runs."""
    data, twins = dict(recipe.data), dict(runs)
    for seed in range(2, seeds + 1):
        varied = {name for name, run in runs.items() if run.stage != "model" and name not in SHARED}
        sampled = {
            name: entry
            for name, entry in recipe.data.items()
            if isinstance(entry, SampledSet) and entry.by in varied
        }
        for name, entry in sampled.items():
            data[twin(name, seed)] = entry.model_copy(update={"by": twin(entry.by, seed)})
        for name in sorted(varied):
            twins[twin(name, seed)] = _twin_run(runs[name], seed, varied, sampled)
    return recipe.model_copy(update={"data": data}), twins


def _twin_run(
    run: ResolvedRun, seed: int, varied: Collection[str], sampled: Collection[str]
) -> ResolvedRun:
    entry, settings = run.entry, run.settings
    assert not isinstance(entry, ModelEntry), run.name
    changes: dict[str, int | str] = {"seed": (entry.seed or 1) + seed - 1}
    if entry.start in varied:
        changes["start"] = twin(entry.start, seed)
    if entry.data in sampled:
        changes["data"] = twin(entry.data, seed)
    if isinstance(settings, Sft) and settings.early_stopping:
        stopping = settings.early_stopping
        if stopping.validation in sampled:
            stopping = stopping.model_copy(update={"validation": twin(stopping.validation, seed)})
            settings = settings.model_copy(update={"early_stopping": stopping})
    name = twin(run.name, seed)
    return replace(run, name=name, entry=entry.model_copy(update=changes), settings=settings)
