"""Finds the runs and evaluations that a study reads, as nodes of the graph.

Token budgets differ between recipes. So an arm may name a budget by its position: `cap_first`, `cap_second`,
`cap_middle`, `cap_penultimate`, `cap_last`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from r1v3.recipe.graph.identity import Node
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.schema.studies import Arm, Study, suite_of
from r1v3.recipe.schema.training import checkpoint_steps
from r1v3.recipe.seeds import SHARED, twin, untwinned

PLACES = ("first", "second", "middle", "penultimate", "last")


@dataclass(frozen=True)
class Needs:
    """The runs, selections (with every probe) and evaluations that a study reads."""

    runs: tuple[Node, ...]
    probes: tuple[Node, ...]
    evaluations: tuple[Node, ...]


def common_step(graph: ResultGraph, study: Study) -> int | None:
    """Return the last step that all reinforced arms at `common` kept, or None if there is no such arm.

    Raises:
        ValueError: they have no kept step in common.
    """
    runs = [arm.run for arm in study.arms.values() if arm.checkpoint == "common"]
    if not runs:
        return None
    kept = [set(checkpoint_steps(graph.project.runs[run].grpo)) for run in runs]
    both = set.intersection(*kept)
    if not both:
        raise ValueError(f"{', '.join(runs)} keep no step in common")
    return max(both)


def seeded(graph: ResultGraph, run: str, seed: int) -> str:
    """Return the name of a run's twin; a run that all seeds share is its own twin."""
    shared = run in SHARED or graph.project.runs[run].stage == "model"
    return run if shared else twin(run, seed)


def checkpoint_of(graph: ResultGraph, study: Study, arm: Arm) -> str:
    """Return an arm's checkpoint as evaluations name it: `last`, `selected` or `step-000050`."""
    if arm.checkpoint == "common":
        return f"step-{common_step(graph, study):06d}"
    return arm.checkpoint


def thinking_mode_of(graph: ResultGraph, arm: Arm) -> str | None:
    """Return an arm's thinking mode, with the position of a budget replaced by its tokens."""
    kind, _, place = (arm.thinking_mode or "").partition("_")
    if place not in PLACES:
        return arm.thinking_mode
    budgets = graph.recipe.thinking.budgets
    last = len(budgets) - 1
    at = {
        "first": 0,
        "second": 1,
        "middle": len(budgets) // 2,
        "penultimate": last - 1,
        "last": last,
    }
    return f"{kind}_{budgets[max(0, min(at[place], last))]}"


def evaluation_of(graph: ResultGraph, study: Study, arm: Arm, measure: str, seed: int) -> Node:
    """Return the evaluation that contains an arm's measure."""
    suite, _ = suite_of(measure, thinking_mode_of(graph, arm))
    run = seeded(graph, arm.run, seed)
    return graph.evaluation(run, checkpoint_of(graph, study, arm), suite)


def studies_of(studies: dict[str, Study], run: str) -> list[str]:
    """Return the studies that show a run, or its twin with another seed."""
    name, _ = untwinned(run)
    return [
        study for study, each in studies.items() if name in {arm.run for arm in each.arms.values()}
    ]


def steps_of(graph: ResultGraph, arm: Arm) -> list[int]:
    """Return the kept steps of a reinforced arm, or no steps for another arm."""
    run = graph.project.runs[arm.run]
    return checkpoint_steps(run.grpo) if run.stage == "grpo" else []


def needs(graph: ResultGraph, study: Study, seeds: int) -> Needs:
    """Return all that a study reads."""
    runs, probes, evaluations = {}, {}, {}
    for arm in study.arms.values():
        for seed in range(1, seeds + 1):
            name = seeded(graph, arm.run, seed)
            runs[name] = graph.run(name)
            reinforced = graph.project.runs[arm.run].stage == "grpo"
            if "entropy_accuracy" in study.analyses and reinforced:
                probes[name] = graph.selection(name)
            for measure in study.measures:
                node = evaluation_of(graph, study, arm, measure, seed)
                evaluations[node.folder] = node
            if "benchmark_scores" in study.analyses and seed == 1:
                node = graph.evaluation(name, checkpoint_of(graph, study, arm), "benchmarks")
                evaluations[node.folder] = node
            for suite in sorted({suite_of(measure, None)[0] for measure in study.by_step}):
                for step in steps_of(graph, arm):
                    node = graph.evaluation(name, f"step-{step:06d}", suite)
                    evaluations[node.folder] = node
    return Needs(tuple(runs.values()), tuple(probes.values()), tuple(evaluations.values()))


def needs_of_all(graph: ResultGraph, seeds: int) -> Needs:
    """Return all that all studies read, each node once, sorted by folder."""
    every = [needs(graph, study, seeds) for study in graph.project.studies.values()]
    return Needs(
        _by_folder(node for each in every for node in each.runs),
        _by_folder(node for each in every for node in each.probes),
        _by_folder(node for each in every for node in each.evaluations),
    )


def _by_folder(nodes: Iterable[Node]) -> tuple[Node, ...]:
    found = {node.folder: node for node in nodes}
    return tuple(found[folder] for folder in sorted(found))
