"""Describes a run in words for MLflow: its purpose, how to make it, how it differs from its parent."""

from r1v3.analyze.mlflow.views import NOTE
from r1v3.analyze.results import differing_keys, dotted
from r1v3.recipe.graph.results import ResultGraph

SHORT = 250  # most characters of a cell in the run list
UNTOLD = ("name", "version", "seed")


def descriptions(graph: ResultGraph) -> dict[str, dict[str, str]]:
    """Return the tags of each run of the run table, by its id: description, differences and claims."""
    found = {}
    for name in reversed(graph.project.runs):
        found[graph.run(name).id] = _tags(graph, name)
    return found


def experiment_note(graph: ResultGraph) -> str:
    """Write the experiment's note: its content, and where to look first."""
    studies = "\n".join(
        f"- {name}: {study.question}" for name, study in graph.project.studies.items()
    )
    return (
        f"Post-training by recipe `{graph.recipe.name}`. One run for each training run; below a GRPO run,"
        " one for each checkpoint that it kept. `r1v3 ui` prints links to the run list, to the chart of "
        "critical-token entropy against the benchmark, and to each study. Scores are shares from 0 to 1.\n\n"
        f"Studies (tag `study`):\n\n{studies}\n"
    )


def changes_from_like(graph: ResultGraph, name: str) -> list[str]:
    """List how a run's resolved config differs from that of the run in its `like`."""
    parent = graph.project.runs[name].like
    if parent is None:
        return []
    one, other = (_settings(graph, run) for run in (parent, name))
    keys = differing_keys(one, other)
    return [
        f"{key.removeprefix('settings.')} {one.get(key, 'none')} → {other.get(key, 'none')}"
        for key in keys
    ]


def _tags(graph: ResultGraph, name: str) -> dict[str, str]:
    run, changed = graph.project.runs[name], changes_from_like(graph, name)
    claims = [
        claim
        for claim, each in graph.project.claims.items()
        if each.study
        and name in {arm.run for arm in graph.project.studies[each.study].arms.values()}
    ]
    recipe = "" if graph.recipe.name == "tiny" else f" --config recipe={graph.recipe.name}"
    lines = [run.entry.why or f"A run of the core path: stage {run.stage}."]
    lines += [f"Made by `snakemake results/runs/{name}.json{recipe}`."]
    if changed:
        lines += [f"Differs from `{run.like}`:", *(f"- {each}" for each in changed)]
    tags = {NOTE: "\n\n".join(lines[:2]) + "".join(f"\n{line}" for line in ["", *lines[2:]])}
    text = ", ".join(changed)
    tags["differs"] = text if len(text) <= SHORT else f"{text[: SHORT - 2]} …"
    tags["claim"] = ", ".join(claims)
    return {key: value for key, value in tags.items() if value}


def _settings(graph: ResultGraph, name: str) -> dict[str, str]:
    resolved = graph.run(name).resolved
    return dotted({key: value for key, value in resolved.items() if key not in UNTOLD})
