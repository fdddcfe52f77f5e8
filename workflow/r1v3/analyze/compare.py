"""What differs between two runs: recipe, ancestors, code and packages, results.

A run is named by its id, or as in the run table; then it is the newest run of that name on this disk.
"""

import json
import re
from pathlib import Path

from r1v3.analyze.mlflow.points import last_step
from r1v3.analyze.results import Result, chosen_step, differing_keys, dotted, name_of, read_result
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
    """Curves at equal steps, and every score that both runs have; those at unequal steps stand apart.

    A run that is longer has learned longer, so the last steps of each do not say which setting is better.
    """
    rows, lengths = [], [_length(run) for run in (one, other)]
    if lengths[0] != lengths[1]:
        rows.append(
            f"  WARNING: A has {lengths[0]} steps and B {lengths[1]}. Curves are compared at equal steps, up"
            f" to step {min(lengths)}."
        )
    for metric, span, a, b in equal_steps(one, other):
        rows.append(_row(f"{metric}, steps {span}", a, b))
    scores = [run_scores(root, run) for run in (one, other)]
    unequal = []
    for key in (key for key in scores[0] if key in scores[1]):
        (a_step, a), (b_step, b) = scores[0][key], scores[1][key]
        if a_step == b_step:
            rows.append(_row(f"{key}, step {a_step}", a, b))
        else:
            unequal.append(_row(f"{key}, steps {a_step} and {b_step}", a, b))
    if unequal:
        rows += ["  WARNING: these scores are of checkpoints at unequal steps.", *unequal]
    return rows


def equal_steps(one: Result, other: Result) -> list[tuple[str, str, float, float]]:
    """Each metric that both runs wrote, over their last common steps: its name, the steps, both means."""
    found: list[tuple[str, str, float, float]] = []
    for metric in METRICS:
        a, b = (dict(zip(*run.series(metric), strict=True)) for run in (one, other))
        steps = sorted(set(a) & set(b))[-LAST:]
        if steps:
            span = f"{steps[0]} to {steps[-1]}" if len(steps) > 1 else f"{steps[0]}"
            mean_a, mean_b = (sum(run[step] for step in steps) / len(steps) for run in (a, b))
            found.append((metric, span, mean_a, mean_b))
    return found


def run_scores(root: Path, run: Result) -> dict[str, tuple[int, float]]:
    """The step and the score of every evaluation of a run, by `<checkpoint> <suite>/<name>`."""
    found: dict[str, tuple[int, float]] = {}
    for path in sorted((root / "results" / "evaluations" / run.id).glob("*/*/scores.json")):
        content = json.loads(path.read_text())
        step = _step(root, run, path)
        where = f"{path.parent.parent.name} {name_of(path.parent.name)}"
        for name, score in content["benchmarks"].items():
            found[f"{where}/{name}"] = step, score["mean"]
        for name, score in content["held_out"].items():
            found[f"{where}/{name}"] = step, score["accuracy"]
    return found


def _length(run: Result) -> int:
    """The last step that a run wrote of, or trained."""
    return max([row["step"] for row in run.metrics] or [run.facts.get("steps", 0)])


def _step(root: Path, run: Result, scores: Path) -> int:
    """The step of the checkpoint that an evaluation asked."""
    checkpoint = scores.parent.parent.name
    if match := re.fullmatch(r"step-(\d+)", checkpoint):
        return int(match[1])
    if checkpoint == "selected":
        document = json.loads((scores.parent / "config.json").read_text())["document"]
        manifest = root / f"results/selections/{document['selection']}/manifest.json"
        return chosen_step(read_result(manifest))
    return last_step(run)


def differing(a: dict[str, str], b: dict[str, str]) -> list[str]:
    """A line for each key whose value differs."""
    keys = differing_keys(a, b)
    return [f"  {key:<36} {a.get(key, '-')}  ->  {b.get(key, '-')}" for key in keys]


def _row(what: str, a: float, b: float) -> str:
    return f"  {what:<52} {a:>9.4f}  ->  {b:>9.4f}  {b - a:+.4f}"
