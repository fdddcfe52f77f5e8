"""Grade many answers at once: rules in this process, algebra in workers, a verifier where told."""

import os
from typing import Self

from r1v3.reward.rules import judge, settle
from r1v3.reward.verdict import Verdict
from r1v3.reward.workers import WorkerPool, shared_pool


def grade(
    response: str,
    gold: str | list[str],
    type: str,
    *,
    options: list[str] | None = None,
    question: str | None = None,
    tolerance: float | None = None,
) -> Verdict:
    """Grade one response by rules alone (R_rule of the report's eq. 2).

    Args:
        response: what is judged; prompt tail + response where the template opened the thought.
        gold: the answer, or a list of accepted ones.
        type: mcq, mcq_multi, open or fill.
        options: option texts in order.
        question: helps to tell several blanks from a set of solutions.
        tolerance: absolute, where the benchmark states one.

    Raises:
        ValueError: `type` is unknown.
    """
    row = {
        "response": response,
        "gold": gold,
        "type": type,
        "options": options,
        "question": question,
        "tolerance": tolerance,
    }
    found = judge(row)
    if isinstance(found, Verdict):
        return found
    pool = shared_pool()
    return settle(found, pool.ask_many([pending.question for pending in found]))


class Grader:
    """Grades lists of rows; a context manager that owns its workers.

    Args:
        verifier: asked where the rules say no (report, eq. 2), or None for rules alone.
        workers: symbolic worker processes, 0 for one per core; none starts before it is needed.
    """

    def __init__(self, verifier=None, workers: int = 0):
        self.verifier = verifier
        self._pool = WorkerPool(workers or os.cpu_count() or 1)

    def grade_many(self, rows: list[dict]) -> list[Verdict]:
        """Return one verdict a row, in order."""
        found = [judge(row) for row in rows]
        questions = [
            pending.question for item in found if not isinstance(item, Verdict) for pending in item
        ]
        if not questions:
            return found
        unique = list(dict.fromkeys(questions))
        replies = dict(zip(unique, self._pool.ask_many(unique), strict=True))
        return [
            item
            if isinstance(item, Verdict)
            else settle(item, [replies[pending.question] for pending in item])
            for item in found
        ]

    def close(self) -> None:
        """Stop the workers."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()
