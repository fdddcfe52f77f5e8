"""Yields every question of benchmarks and held-out sets, which training data must not contain."""

import sys
from collections.abc import Iterator
from pathlib import Path

from r1v3.data.decontamination.evaluation_index import IndexedQuestion
from r1v3.data.decontamination.question_text import question_words
from r1v3.data.records import iter_records
from r1v3.evaluate.items.load import load_asked
from r1v3.evaluate.items.rows import UnreadableFileError
from r1v3.recipe.graph.configs import IndexedBenchmark


def evaluation_questions(
    entries: dict[str, IndexedBenchmark], benchmarks: dict[str, Path], held_out: dict[str, Path]
) -> Iterator[IndexedQuestion]:
    """Yield each question with its pictures. A benchmark that cannot be read is reported and left out.

    Args:
        entries: entry of each benchmark, by which its rows are read.
        benchmarks: the TSV of each benchmark.
        held_out: the folder of each held-out set.
    """
    for name, tsv in benchmarks.items():
        try:
            for item, pictures in load_asked(entries[name].reader(), tsv, tsv.parent / "images"):
                text = question_words(item.question, item.options)
                yield IndexedQuestion(f"{name}/{item.key}", text, tuple(pictures))
        except UnreadableFileError as error:
            print(f"no training set is compared with {name}: {error}", file=sys.stderr, flush=True)
    for name, folder in held_out.items():
        for record in iter_records(folder):
            pictures = tuple(folder / image for image in record.images)
            yield IndexedQuestion(
                f"{name}/{record.id}", question_words(record.question, record.options), pictures
            )
