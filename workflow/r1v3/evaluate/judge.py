"""Judges answers: the grader's verdict against any of the right answers, and the share of the points.

Tags that a model uses on its own are read (`r1v3.evaluate.reply.read`). A reply that was cut off counts only
if it had reached a conclusion.

The module of a benchmark may judge an answer itself (`own_verdict`; it returns None to leave an answer to the
grader). It may also give part of the points for an answer that is only partly right (`earned_share`).

Some benchmarks need a judge (`judge: needed`). Without a verifier, an answer that the rules find neither
equal nor surely different is then unjudged. It earns nothing and is counted as unjudged.
"""

from dataclasses import dataclass, replace
from typing import Any

from r1v3.evaluate.items.item import Item
from r1v3.evaluate.items.load import benchmark_code
from r1v3.evaluate.items.options import bare_options
from r1v3.evaluate.reply.read import as_concluded, is_broken_off, with_boxes
from r1v3.recipe.tables.benchmarks import Benchmark
from r1v3.reward import Grader, Verdict, grade
from r1v3.reward.maths.numbers import parse_number
from r1v3.reward.text.normalize import normalise


@dataclass(frozen=True)
class Judged:
    """A verdict, and the share of the item's points that the answer earns, in [0, 1]."""

    verdict: Verdict
    share: float


NOT_CONCLUDED = Judged(Verdict(None, False, "rule:cut", "cut off before it stated an answer"), 0.0)


def judge_response(item: Item, response: str, entry: Benchmark, *, cut: bool = False) -> Judged:
    """Judge one response by rules alone.

    Args:
        cut: whether the limit of length cut it off (`finish_reason: length`).
    """
    read = _read(response, cut)
    if read is None:
        return NOT_CONCLUDED
    own = _own_verdict(item, read, entry)
    if own is not None:
        return own
    row = _row(item, read)
    gold, kind = row.pop("gold"), row.pop("type")
    verdict = grade(row.pop("response"), gold, kind, **row)
    return _with_share(item, _settled(item, verdict, entry), entry)


def judge_many(
    asked: list[tuple[Item, str]],
    entry: Benchmark,
    grader: Grader,
    *,
    cut: list[bool] | None = None,
) -> list[Judged]:
    """Judge (item, response) pairs, in order. All that need the grader are graded in one call.

    Args:
        cut: for each pair, whether the limit of length cut the response off; None if none was.
    """
    ended = cut or [False] * len(asked)
    reads = [
        _read(response, by_limit) for (_, response), by_limit in zip(asked, ended, strict=True)
    ]
    judged: list[Judged | None] = [
        NOT_CONCLUDED if read is None else _own_verdict(item, read, entry)
        for (item, _), read in zip(asked, reads, strict=True)
    ]
    left = [
        (place, item, read)
        for place, ((item, _), read) in enumerate(zip(asked, reads, strict=True))
        if read is not None and _left_to_grader(judged[place], item, grader)
    ]
    verdicts = grader.grade_many([_row(item, read) for _, item, read in left])
    for (place, item, _), verdict in zip(left, verdicts, strict=True):
        if grader.verifier is None:
            verdict = _settled(item, verdict, entry)
        judged[place] = _with_share(item, verdict, entry)
    return [one for one in judged if one is not None]


def _read(response: str, cut: bool) -> str | None:
    """Return the text that the grader reads, or None if the response was cut off before its conclusion."""
    return as_concluded(with_boxes(response, cut=cut), cut=cut)


def _own_verdict(item: Item, response: str, entry: Benchmark) -> Judged | None:
    """Return the verdict of a benchmark's own rule, which also judges replies that were cut off."""
    own = benchmark_code(entry, "own_verdict", _leave)(item, response)
    if own is not None and own.verdict.extracted is not None and is_broken_off(response):
        return NOT_CONCLUDED
    return own


def _left_to_grader(judged: Judged | None, item: Item, grader: Grader) -> bool:
    return judged is None or (grader.verifier is not None and _verifiable(item, judged))


def _verifiable(item: Item, judged: Judged) -> bool:
    """Return whether a benchmark's own rule could not judge an answer that a verifier can compare."""
    verdict = judged.verdict
    return verdict.correct is None and verdict.extracted is not None and any(item.golds)


def _settled(item: Item, verdict: Verdict, entry: Benchmark) -> Verdict:
    """Return a verdict by rules alone; it is unjudged if only a judge could tell that the answer is wrong.

    Rules decide on letters, on plain numbers, and on formulas that algebra shows to be different.
    """
    open_answer = verdict.extracted is not None and not item.answer_type.startswith("mcq")
    if entry.judge != "needed" or verdict.correct is not False or not open_answer:
        return verdict
    if verdict.by == "rule:symbolic" and "gave up" not in verdict.reason:
        return verdict
    if all(parse_number(normalise(text)) is not None for text in (verdict.extracted, *item.golds)):
        return verdict
    return replace(verdict, correct=None, by="none", reason=f"{verdict.reason}; a judge is needed")


def _leave(item: Item, response: str) -> None:
    return None


def _row(item: Item, response: str) -> dict[str, Any]:
    return {
        "response": response,
        "gold": list(item.golds),
        "type": item.answer_type,
        "options": list(bare_options(item.options)) if item.options else None,
        "question": item.question,
        "tolerance": item.tolerance,
    }


def _with_share(item: Item, verdict: Verdict, entry: Benchmark) -> Judged:
    if verdict.correct:
        return Judged(verdict, 1.0)
    return Judged(
        verdict, benchmark_code(entry, "earned_share", lambda item, verdict: 0.0)(item, verdict)
    )
