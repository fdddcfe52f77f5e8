"""Compares the plan with the measurements of finished runs; `r1v3 plan` shows both if there are any."""

import statistics
from pathlib import Path

from r1v3.plan.estimate import Estimate
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import Project
from r1v3.train.core.metrics import read_metrics

FIRST = 3  # first steps that are left out, because they are still warming up


def measured_step(folder: Path) -> tuple[float, float] | None:
    """Return median seconds of a step, and peak bytes of the first process; None without measurements."""
    path = folder / "metrics.jsonl"
    if not path.exists():
        return None
    rows = read_metrics(path)[FIRST:]
    memory = [row["speed/memory_gib"] for row in rows if "speed/memory_gib" in row]
    if not memory:
        return None
    return statistics.median(row["seconds"] for row in rows), max(memory) * 2**30


def beside(root: Path, project: Project, estimates: list[Estimate]) -> list[str]:
    """Return one line for each finished training run: planned and measured time and memory."""
    graph, lines = ResultGraph(project), []
    for each in estimates:
        if not each.step_seconds or each.name not in project.runs:
            continue
        found = measured_step(root / graph.run(each.name).folder)
        if found:
            seconds, memory = found
            lines.append(
                f"{each.name:12} a step {each.step_seconds:.3f} of {seconds:.3f} s"
                f" ({each.step_seconds / seconds:.2f}), memory {each.memory / 1e9:.2f} of"
                f" {memory / 1e9:.2f} GB ({each.memory / memory:.2f})"
            )
    return lines
