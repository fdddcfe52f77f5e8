"""Reuses answers of another suite of the same checkpoint that asked the same questions.

When a benchmark is added to the recipe, the suite's folder gets another name. Answers of the older suite with
the same settings are copied, so that only the new benchmark is asked.
"""

import shutil
from pathlib import Path

from r1v3.base.atomic_write import atomic_write
from r1v3.recipe.graph.configs import EvaluationConfig
from r1v3.recipe.outputs.check import are_the_same
from r1v3.recipe.outputs.manifest import read_manifest
from r1v3.recipe.outputs.stage import FINISHED_COPY, read_config

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
    """Copy whole files of answers from suites beside `folder`, and return the copied benchmarks."""
    taken: list[str] = []
    for path in sorted(folder.parent.glob("*/config.json")):
        other = None if path.parent == folder else _suite(path)
        if other is None or not _same_questions(config, other):
            continue
        if not _of_present_model(path.parent, other):
            continue
        for name, identity in config.benchmarks.items():
            if other.benchmarks.get(name) != identity or name in taken:
                continue
            if _copy(path.parent / "responses", folder / "responses", name):
                taken.append(name)
    return taken


def _of_present_model(suite: Path, config: EvaluationConfig) -> bool:
    """Return whether a suite's answers come from the present weights; a retrained run keeps its id."""
    results = suite.parents[2].parent
    made = [("runs", config.run), ("selections", config.selection)]
    present = [results / shelf / id / "manifest.json" for shelf, id in made if id]
    present = [path for path in present if path.exists()]
    if not present:  # a model outside the run table, whose id is a hash of its bytes
        return True
    noted = next((p for p in (suite / "responses.json", suite / FINISHED_COPY) if p.exists()), None)
    if noted is None:
        return False
    try:
        inputs = read_manifest(noted).get("inputs", {})
        recorded = {path.parent.name: inputs.get(path.parent.name) for path in present}
        return are_the_same(recorded, present)
    except ValueError:
        return False


def _suite(path: Path) -> EvaluationConfig | None:
    """Read the config of a suite; None if an older version of this package wrote it in another form."""
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
