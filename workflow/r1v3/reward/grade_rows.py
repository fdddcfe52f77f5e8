"""Grades rows of JSON lines in batches. Verdicts come in the order of the rows."""

import json
from collections.abc import Iterable, Iterator

from r1v3.reward.grader import Grader
from r1v3.reward.rules import check_type
from r1v3.reward.verdict import AnswerRow

BATCH_ROWS = 2_000


def grade_lines(lines: Iterable[str], name: str, *, workers: int = 0) -> Iterator[str]:
    """Yield one line with a verdict for each line that is not empty.

    Args:
        lines: JSON objects with `response`, `gold`, `type`, and optionally `id`, `options`, `question` and
            `tolerance`.
        name: source of the lines, for messages.
        workers: number of processes for symbolic algebra; 0 for one per core.

    Raises:
        ValueError: a line is not such an object; the message names the line.
    """
    with Grader(workers=workers) as grader:
        batch: list[AnswerRow] = []
        for number, line in enumerate(lines, start=1):
            if line.strip():
                batch.append(_read_row(line, f"{name}:{number}"))
            if len(batch) == BATCH_ROWS:
                yield from _verdicts(grader, batch)
                batch = []
        yield from _verdicts(grader, batch)


def _read_row(line: str, where: str) -> AnswerRow:
    try:
        row = json.loads(line)
        check_type(row["type"])
        return {"response": row["response"], "gold": row["gold"], **row}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: {type(error).__name__}: {error}") from None


def _verdicts(grader: Grader, batch: list[AnswerRow]) -> Iterator[str]:
    for row, verdict in zip(batch, grader.grade_many(batch), strict=True):
        yield json.dumps(verdict.as_row(row.get("id")), ensure_ascii=False) + "\n"
