"""What differs between two runs: recipe, ancestors, code and packages, results.

A run is named by its id, or as in the run table; then it is the newest run of that name on this disk.
"""

import json
from pathlib import Path

from r1v3.analyze.results import Result, dotted, name_of, read_result
from r1v3.recipe.errors import unknown

SAME = "nothing"
LAST = 10  # steps of the mean that is compared
METRICS = (
    "reward",
    "accuracy",
    "format",
    "response_length",
    "entropy",
    "critical_token_entropy",
    "loss",
)


def compare_runs(root: Path, a: str, b: str) -> list[str]:
    """What differs, as lines.

    Raises:
        ValueError: one of the two names no finished run on this disk.
    """
    one, other = find_run(root, a), find_run(root, b)
    lines = [f"A = {one.id}", f"B = {other.id}"]
    for title, rows in (
        ("recipe", differing(recipe_of(one), recipe_of(other))),
        ("made from", differing(ancestors(one), ancestors(other))),
        ("code", differing(code_of(one), code_of(other))),
        ("results", results_of(root, one, other)),
    ):
        lines += ["", title, *(rows or [f"  {SAME}"])]
    return lines


def find_run(root: Path, what: str) -> Result:
    """The finished run of that id or name; of several, the newest.

    Raises:
        ValueError: there is none.
    """
    manifests = sorted((root / "results" / "runs").glob("*/manifest.json"))
    named = [m for m in manifests if what in (m.parent.name, name_of(m.parent.name))]
    if not named:
        raise ValueError(unknown("finished run", what, [m.parent.name for m in manifests]))
    return max((read_result(m) for m in named), key=lambda result: (result.created, result.id))


def recipe_of(run: Result) -> dict[str, str]:
    """What a run's hash covers, without its name and its ancestors, as dotted keys."""
    outside = ("name", "start", "data", "validation")
    return dotted({key: value for key, value in run.document.items() if key not in outside})


def ancestors(run: Result) -> dict[str, str]:
    """What a run was made from: its start, checkpoint, selection, data."""
    keys = ("start", "data", "validation")
    return dotted({key: run.document[key] for key in keys if run.document.get(key) is not None})


def code_of(run: Result) -> dict[str, str]:
    """Commit, uncommitted changes, Python, packages and machine."""
    known = {
        key: run.environment.get(key)
        for key in ("commit", "dirty", "python", "platform", "machine")
    }
    return dotted({**known, "packages": run.environment.get("packages", {})})


def results_of(root: Path, one: Result, other: Result) -> list[str]:
    """The end of each training curve, and every score that both runs have."""
    rows = []
    for metric in METRICS:
        a, b = (run.series(metric)[1][-LAST:] for run in (one, other))
        if a and b:
            rows.append(_row(f"{metric}, last {LAST} steps", sum(a) / len(a), sum(b) / len(b)))
    scores = [run_scores(root, run) for run in (one, other)]
    for key in scores[0]:
        if key in scores[1]:
            rows.append(_row(key, scores[0][key], scores[1][key]))
    return rows


def run_scores(root: Path, run: Result) -> dict[str, float]:
    """The scores of every evaluation of a run, by `<checkpoint> <suite>/<name>`."""
    found = {}
    for path in sorted((root / "results" / "evaluations" / run.id).glob("*/*/scores.json")):
        content = json.loads(path.read_text())
        where = f"{path.parent.parent.name} {name_of(path.parent.name)}"
        for name, score in content["benchmarks"].items():
            found[f"{where}/{name}"] = score["mean"]
        for name, score in content["held_out"].items():
            found[f"{where}/{name}"] = score["accuracy"]
    return found


def differing(a: dict[str, str], b: dict[str, str]) -> list[str]:
    """A line for each key whose value differs."""
    keys = [key for key in {**a, **b} if a.get(key) != b.get(key)]
    return [f"  {key:<36} {a.get(key, '-')}  ->  {b.get(key, '-')}" for key in keys]


def _row(what: str, a: float, b: float) -> str:
    return f"  {what:<44} {a:>9.4f}  ->  {b:>9.4f}  {b - a:+.4f}"
