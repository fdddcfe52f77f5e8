"""Compare two runs: recipe, ancestors, code and packages, results.

A run is named by its id, or by its name in the run table, which means the run that its stable name refers
to. It may also be named by a folder, for example one that was copied from another machine.
"""

import re
from pathlib import Path

from r1v3.analyze.mlflow.points import last_step
from r1v3.analyze.results import Result, chosen_step, differing_keys, dotted, name_of, read_result
from r1v3.recipe.errors import unknown
from r1v3.recipe.outputs.check import TIMED
from r1v3.recipe.outputs.config_file import folder_named, read_resolved
from r1v3.recipe.outputs.manifest import read_manifest
from r1v3.recipe.outputs.score_file import read_score_file

SAME = "nothing"
LAST = 10  # number of last steps whose mean is compared
# These decide how numbers are rounded: the processor or GPU, and the packages that compute.
ARITHMETIC = ("instructions", "gpus")
COMPUTING = ("torch", "numpy", "transformers", "deepspeed", "vllm")
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
    """Return the differences as lines of text.

    Raises:
        ValueError: one of the two names no finished run on this disk.
    """
    one, other = find_run(root, a), find_run(root, b)
    lines = [f"A = {one.id}", f"B = {other.id}"]
    for title, rows in (
        ("recipe", differing(recipe_of(one), recipe_of(other))),
        ("made from", differing(ancestors(one), ancestors(other))),
        ("code", differing(code_and_machine(one), code_and_machine(other))),
        ("results", results_of(one, other)),
        ("so", reasons(one, other)),
    ):
        lines += ["", title, *(rows or [f"  {SAME}"])]
    return lines


def reasons(one: Result, other: Result) -> list[str]:
    """Say why results may differ: another setting, another arithmetic, other code, or none of these."""
    if recipe_of(one) != recipe_of(other) or ancestors(one) != ancestors(other):
        return ["  Settings or ancestors differ, so results may."]
    if unlike := sorted(differing_keys(_files(one), _files(other))):
        rounding = differing(arithmetic(one), arithmetic(other))
        code = [one.environment.get(key) for key in ("commit", "diff")]
        same_code = code == [other.environment.get(key) for key in ("commit", "diff")]
        said = f"{len(unlike)} files differ, {unlike[0]} first."
        if rounding:
            also = "" if same_code else " The code differs too."
            return [
                f"  Settings are the same, arithmetic is not: {said}{also} Rounding differs in the last"
                " bits, and sampled answers carry that further.",
                *rounding,
            ]
        if not same_code:
            return [f"  Settings and arithmetic are the same, the code is not: {said}"]
        return [
            f"  WARNING: settings, code and arithmetic are the same, and yet {said} One of the two was"
            " damaged, or the run does not repeat: `r1v3 verify` checks the files."
        ]
    return ["  All files are equal."]


def arithmetic(run: Result) -> dict[str, str]:
    """Return the machine's instruction set and GPUs, and the packages that compute."""
    machine, packages = run.environment.get("machine", {}), run.environment.get("packages", {})
    known = {key: machine.get(key) for key in ARITHMETIC}
    return dotted({**known, **{name: packages.get(name) for name in COMPUTING}})


def _files(run: Result) -> dict[str, str]:
    """Return the sha256 of each file in a run's manifest, except the one that holds times."""
    files = read_manifest(run.folder / "manifest.json")["files"]
    return {name: digest for name, digest in files.items() if not name.endswith(TIMED)}


def find_run(root: Path, what: str) -> Result:
    """Find the finished run with an id, a name, a folder or a stable name (`results/runs/rl.json`).

    A name means the run of its stable name. If there is none, the newest run with that name is returned.

    Raises:
        ValueError: there is none.
    """
    if (Path(what) / "manifest.json").is_file():
        return read_result(Path(what).resolve() / "manifest.json")
    runs = root / "results" / "runs"
    stable = Path(what) if what.endswith(".json") else runs / f"{what}.json"
    if stable.is_file():
        runs, what = stable.resolve().parent, folder_named(stable).name
    manifests = sorted(runs.glob("*/manifest.json"))
    named = [m for m in manifests if what in (m.parent.name, name_of(m.parent.name))]
    if not named:
        raise ValueError(unknown("finished run", what, [m.parent.name for m in manifests]))
    return max((read_result(m) for m in named), key=lambda result: (result.created, result.id))


def recipe_of(run: Result) -> dict[str, str]:
    """Return what a run's hash covers, without its name and ancestors, as dotted keys."""
    outside = ("name", "start", "data", "validation")
    return dotted({key: value for key, value in run.resolved.items() if key not in outside})


def ancestors(run: Result) -> dict[str, str]:
    """Return the results that a run was made from: its start, checkpoint, selection and data."""
    keys = ("start", "data", "validation")
    return dotted({key: run.resolved[key] for key in keys if run.resolved.get(key) is not None})


def code_and_machine(run: Result) -> dict[str, str]:
    """Return commit, uncommitted changes, Python, packages and machine."""
    known = {
        key: run.environment.get(key)
        for key in ("commit", "dirty", "python", "platform", "machine")
    }
    return dotted({**known, "packages": run.environment.get("packages", {})})


def results_of(one: Result, other: Result) -> list[str]:
    """Compare curves at equal steps, then every score that both runs have; unequal steps come last.

    A longer run has learned longer. So the last steps of both do not show which setting is better.
    """
    rows, lengths = [], [_length(run) for run in (one, other)]
    if lengths[0] != lengths[1]:
        rows.append(
            f"  WARNING: A has {lengths[0]} steps and B {lengths[1]}. Curves are compared at equal steps, up"
            f" to step {min(lengths)}."
        )
    for metric, span, a, b in equal_steps(one, other):
        rows.append(_row(f"{metric}, steps {span}", a, b))
    scores = [run_scores(run) for run in (one, other)]
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
    """Return each metric of both runs over their last common steps: its name, the steps, both means."""
    found: list[tuple[str, str, float, float]] = []
    for metric in METRICS:
        a, b = (dict(zip(*run.series(metric), strict=True)) for run in (one, other))
        steps = sorted(set(a) & set(b))[-LAST:]
        if steps:
            span = f"{steps[0]} to {steps[-1]}" if len(steps) > 1 else f"{steps[0]}"
            mean_a, mean_b = (sum(run[step] for step in steps) / len(steps) for run in (a, b))
            found.append((metric, span, mean_a, mean_b))
    return found


def run_scores(run: Result) -> dict[str, tuple[int, float]]:
    """Return step and score of every evaluation of a run, by `<checkpoint> <suite>/<name>`."""
    found: dict[str, tuple[int, float]] = {}
    results = run.folder.parents[1]
    for path in sorted((results / "evaluations" / run.id).glob("*/*/scores.json")):
        content = read_score_file(path)
        step = _step(results, run, path)
        where = f"{path.parent.parent.name} {name_of(path.parent.name)}"
        for name, score in content["benchmarks"].items():
            found[f"{where}/{name}"] = step, score["mean"]
        for name, score in content["held_out"].items():
            found[f"{where}/{name}"] = step, score["accuracy"]
    return found


def _length(run: Result) -> int:
    """Return the last step in a run's metrics, or else the number of steps that it trained."""
    return max([row["step"] for row in run.metrics] or [run.facts.get("steps", 0)])


def _step(results: Path, run: Result, scores: Path) -> int:
    """Return the training step of the checkpoint that an evaluation asked."""
    checkpoint = scores.parent.parent.name
    if match := re.fullmatch(r"step-(\d+)", checkpoint):
        return int(match[1])
    if checkpoint == "selected":
        resolved = read_resolved(scores.parent / "config.json")
        manifest = results / f"selections/{resolved['selection']}/manifest.json"
        return chosen_step(read_result(manifest))
    return last_step(run)


def differing(a: dict[str, str], b: dict[str, str]) -> list[str]:
    """Return a line for each key whose value differs."""
    keys = differing_keys(a, b)
    return [f"  {key:<36} {a.get(key, '-')}  ->  {b.get(key, '-')}" for key in keys]


def _row(what: str, a: float, b: float) -> str:
    return f"  {what:<52} {a:>9.4f}  ->  {b:>9.4f}  {b - a:+.4f}"
