"""Counts the questions that a benchmark, a set or a study's measure asks."""

from pathlib import Path

from r1v3.evaluate.items.file_rows import count_rows
from r1v3.recipe.graph.supplied import benchmark_by_hand, is_url
from r1v3.recipe.load import Project
from r1v3.recipe.schema.data import SampledSet
from r1v3.recipe.schema.studies import suite_of
from r1v3.recipe.tables.benchmarks import OwnFile


def questions_of_benchmark(project: Project, benchmark: str) -> int:
    """Count the questions of a benchmark by its entry in the table.

    Raises:
        ValueError: it is a file of the user's own, and it is not on this machine.
    """
    entry = project.benchmarks[benchmark]
    known = entry.questions or entry.items or _own_rows(project, benchmark)
    return min(known, project.recipe.evaluation.items or known)


def _own_rows(project: Project, benchmark: str) -> int:
    source = project.benchmarks[benchmark].source
    place = source.place if isinstance(source, OwnFile) else ""
    by_hand = benchmark_by_hand(Path(place).name) if is_url(place) else None
    file = by_hand or project.root / place
    if not file.is_file():
        raise ValueError(
            f"{benchmark}: {place} is not on this machine, so its questions cannot be counted"
        )
    return count_rows(file)


def questions_of_set(project: Project, name: str) -> int:
    """Count the questions of a set; a sampled set asks those of another set."""
    entry = project.recipe.data[name]
    if isinstance(entry, SampledSet):
        return questions_of_set(project, entry.questions)
    return entry.size


def questions_of_measure(project: Project, measure: str) -> int:
    """Count the questions behind a measure of a study, such as `study/normal` or `tokens:held_out/math`."""
    suite, name = suite_of(measure, None)
    sets = project.recipe.evaluation.held_out
    if suite == "study":
        sets = project.recipe.evaluation.study.sets
    if suite in ("study", "held_out") and name in sets:
        return questions_of_set(project, sets[name])
    return questions_of_benchmark(project, name)
