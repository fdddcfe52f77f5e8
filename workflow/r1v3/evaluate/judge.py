"""One answer, judged: the grader's verdict on any of the right answers, and the share of the points."""

from dataclasses import dataclass

from r1v3.evaluate.items import Item
from r1v3.evaluate.load import benchmark_code
from r1v3.evaluate.table import Benchmark
from r1v3.reward import Verdict, grade


@dataclass(frozen=True)
class Judged:
    """A verdict with the share of the item's points that the answer earns, in [0, 1]."""

    verdict: Verdict
    share: float


def judge_response(item: Item, response: str, entry: Benchmark) -> Judged:
    """Judge a response by the benchmark's own rules, or by the grader where it has none."""
    return benchmark_code(entry, "judge", plain_judge)(item, response)


def plain_judge(item: Item, response: str) -> Judged:
    """Right if it equals any of the item's right answers."""
    verdict = grade(
        response,
        list(item.golds),
        item.answer_type,
        options=list(item.options) if item.options else None,
        question=item.question,
        tolerance=item.tolerance,
    )
    return Judged(verdict, 1.0 if verdict.correct else 0.0)
