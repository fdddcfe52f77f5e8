"""Grades many answers at once: by rules in this process, by algebra in workers, and by a verifier."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from r1v3.reward.maths.workers import WorkerPool, shared_pool
from r1v3.reward.rules import apply_rules, settle
from r1v3.reward.verdict import AnswerRow, Verdict, shorten
from r1v3.reward.verifier.question import questions_for_verifier

if TYPE_CHECKING:  # its client imports an HTTP library, which grading by rules does not need
    from r1v3.reward.verifier.verifier import Judgement, VerifierClient


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
        response: the graded text: tail of the prompt + response, if the template opened the thought.
        gold: the answer, or a list of accepted answers.
        type: mcq, mcq_multi, open or fill.
        options: texts of the options in order. Without them the question is searched for options.
        question: the question, which may list options and show blanks; it alone never decides.
        tolerance: absolute tolerance of numbers, if the benchmark states one.

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
    return _by_rules([row], shared_pool())[0]


def _by_rules(rows: list[AnswerRow], pool: WorkerPool) -> list[Verdict]:
    """Grade rows by rules. Workers get all questions that need algebra together, each only once."""
    found = [apply_rules(row) for row in rows]
    asked = [p.question for item in found if not isinstance(item, Verdict) for p in item]
    unique = list(dict.fromkeys(asked))
    replies = dict(zip(unique, pool.ask_many(unique), strict=True)) if unique else {}
    return [
        item if isinstance(item, Verdict) else settle(item, [replies[p.question] for p in item])
        for item in found
    ]


class Grader:
    """Grades lists of rows. A context manager that owns its worker processes.

    Args:
        verifier: a verifier that is asked if the rules say no (report, eq. 2); None for rules alone.
        workers: number of symbolic worker processes; 0 for one per core, at most 16. They start when needed.
        max_unjudged: largest share of a call's rows that may stay unjudged; None for no limit.
    """

    def __init__(
        self,
        verifier: VerifierClient | None = None,
        workers: int = 0,
        max_unjudged: float | None = None,
    ):
        self.verifier = verifier
        self.max_unjudged = max_unjudged
        self.graded = 0
        self.unjudged = 0
        self._pool = WorkerPool(workers or min(16, os.cpu_count() or 1))

    def grade_many(self, rows: list[AnswerRow]) -> list[Verdict]:
        """Return one verdict for each row, in order.

        Raises:
            ValueError: a row's type is unknown.
            UnjudgedError: more rows stayed without a verdict than `max_unjudged` allows.
        """
        verdicts = _by_rules(rows, self._pool)
        if self.verifier is not None:
            verdicts = _verify(self.verifier, rows, verdicts)
        self.graded += len(verdicts)
        self.unjudged += sum(verdict.correct is None for verdict in verdicts)
        self._check_share(verdicts)
        return verdicts

    def _check_share(self, verdicts: list[Verdict]) -> None:
        from r1v3.reward.verifier.verifier import UnjudgedError

        missing = sum(verdict.correct is None for verdict in verdicts)
        if self.max_unjudged is not None and missing > self.max_unjudged * len(verdicts):
            why = next(verdict.reason for verdict in verdicts if verdict.correct is None)
            raise UnjudgedError(
                f"{missing} of {len(verdicts)} answers are unjudged, more than the share of "
                f"{self.max_unjudged} that verifier.max_unjudged allows; first reason: {why}"
            )

    def close(self) -> None:
        """Stop the workers."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _verify(
    verifier: VerifierClient, rows: list[AnswerRow], verdicts: list[Verdict]
) -> list[Verdict]:
    """Ask the verifier about answers that the rules found wrong, except where option letters were read."""
    indices: list[int] = []
    items: list[tuple[str, str, str]] = []
    for index, (row, verdict) in enumerate(zip(rows, verdicts, strict=True)):
        questions = [] if verdict.correct else questions_for_verifier(row, verdict)
        indices += [index] * len(questions)
        items += questions
    if not items:
        return verdicts
    found: dict[int, list[Judgement]] = {}
    for index, judgement in zip(indices, verifier.judge_many(items), strict=True):
        found.setdefault(index, []).append(judgement)
    verdicts = list(verdicts)
    for index, judgements in found.items():
        verdicts[index] = _with_judgements(verdicts[index], judgements)
    return verdicts


def _with_judgements(verdict: Verdict, judgements: list[Judgement]) -> Verdict:
    """Merge the verifier's judgements on all accepted golds. One yes is enough; else a gap means unjudged."""
    for judgement in judgements:
        if judgement.correct:
            return replace(verdict, correct=True, by="verifier", reason=judgement.reason)
    missing = [judgement for judgement in judgements if judgement.correct is None]
    if missing:
        return replace(verdict, correct=None, by="none", reason=missing[0].reason)
    reason = shorten(f"{verdict.reason}; {judgements[0].reason}", 200)
    return replace(verdict, correct=False, by="verifier", reason=reason)
