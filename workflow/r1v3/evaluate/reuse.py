"""Answers that lie beside: another suite of the same checkpoint may have asked the same questions.

A benchmark added to the recipe renames the suite's folder; what the older suite was answered under the
same settings is taken over, so that only the new benchmark is asked.
"""

import shutil
from pathlib import Path

from r1v3.base.atomic_write import atomic_write
from r1v3.recipe.graph.configs import EvaluationConfig
from r1v3.recipe.outputs.stage import read_config

SAME = (
    "version",
    "seed",
    "template",
    "images",
    "generation",
    "run",
    "checkpoint",
    "selection",
    "probe",
)
SAME_SAMPLING = ("protocol", "temperature", "top_p", "max_new_tokens")


def take_over(config: EvaluationConfig, folder: Path) -> list[str]:
    """Copy whole files of answers from suites beside `folder`; returns the benchmarks taken over."""
    taken: list[str] = []
    for path in sorted(folder.parent.glob("*/config.json")):
        other = None if path.parent == folder else _suite(path)
        if other is None or not _same_questions(config, other):
            continue
        for name, identity in config.benchmarks.items():
            if other.benchmarks.get(name) != identity or name in taken:
                continue
            if _copy(path.parent / "responses", folder / "responses", name):
                taken.append(name)
    return taken


def _suite(path: Path) -> EvaluationConfig | None:
    """The config of a suite, or None where an older version of this package wrote another one."""
    try:
        return read_config(path, EvaluationConfig)
    except ValueError:
        return None


def _same_questions(ours: EvaluationConfig, theirs: EvaluationConfig) -> bool:
    if any(getattr(ours, key) != getattr(theirs, key) for key in SAME):
        return False
    mine, other = ours.evaluation, theirs.evaluation
    same = all(getattr(mine, key) == getattr(other, key) for key in SAME_SAMPLING)
    return same and other.runs >= mine.runs


def _copy(source: Path, target: Path, name: str) -> bool:
    files = sorted(source.glob(f"{name}.*-of-*.jsonl"))
    if not files or any(target.glob(f"{name}.*-of-*.jsonl")):
        return False
    for file in files:
        with atomic_write(target / file.name) as partial:
            shutil.copyfile(file, partial)
    return True
