"""Answers, judged: the grader's verdict on any of the right answers, and the share of the points.

A benchmark's own module may judge an answer itself (`judge`, which returns None for what it leaves to the
grader) and may give part of the points for an answer that is not all right (`share`).
"""

from dataclasses import dataclass

from r1v3.evaluate.items import Item
from r1v3.evaluate.load import benchmark_code
from r1v3.evaluate.table import Benchmark
from r1v3.reward import Grader, Verdict, grade


@dataclass(frozen=True)
class Judged:
    """A verdict with the share of the item's points that the answer earns, in [0, 1]."""

    verdict: Verdict
    share: float


def judge_response(item: Item, response: str, entry: Benchmark) -> Judged:
    """Judge one response by rules alone."""
    own = benchmark_code(entry, "judge", _leave)(item, response)
    if own is not None:
        return own
    row = _row(item, response)
    gold, kind = row.pop("gold"), row.pop("type")
    return _with_share(item, grade(row.pop("response"), gold, kind, **row), entry)


def judge_many(asked: list[tuple[Item, str]], entry: Benchmark, grader: Grader) -> list[Judged]:
    """Judge (item, response) pairs, in order; what needs the grader goes to it at once."""
    own = benchmark_code(entry, "judge", _leave)
    judged = [own(item, response) for item, response in asked]
    left = [
        place
        for place, one in enumerate(judged)
        if one is None or (grader.verifier is not None and _verifiable(asked[place][0], one))
    ]
    verdicts = grader.grade_many([_row(*asked[place]) for place in left])
    for place, verdict in zip(left, verdicts, strict=True):
        judged[place] = _with_share(asked[place][0], verdict, entry)
    return judged


def _verifiable(item: Item, judged: Judged) -> bool:
    """Whether a benchmark's own rule could not judge an answer that a verifier can compare."""
    verdict = judged.verdict
    return verdict.correct is None and verdict.extracted is not None and any(item.golds)


def _leave(item: Item, response: str) -> None:
    return None


def _row(item: Item, response: str) -> dict:
    return {
        "response": response,
        "gold": list(item.golds),
        "type": item.answer_type,
        "options": list(item.options) if item.options else None,
        "question": item.question,
        "tolerance": item.tolerance,
    }


def _with_share(item: Item, verdict: Verdict, entry: Benchmark) -> Judged:
    if verdict.correct:
        return Judged(verdict, 1.0)
    return Judged(verdict, benchmark_code(entry, "share", lambda item, verdict: 0.0)(item, verdict))
