"""The record of every graded answer."""

from dataclasses import dataclass
from typing import Any, TypeAlias

# One answer to grade: `response`, `gold`, `type`, and optionally `id`, `options`, `question`, `tolerance`.
AnswerRow: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """The answer read from a response, whether it is correct, who decided, and why.

    Attributes:
        extracted: the answer as it was read, or None if the response gives none.
        correct: True, False, or None if nobody could judge (never a guess).
        by: 'rule:<name>', 'verifier' or 'none'.
        reason: one short sentence for a human reader.
    """

    extracted: str | None
    correct: bool | None
    by: str
    reason: str

    def as_row(self, row_id: str | int | None) -> AnswerRow:
        return {
            "id": row_id,
            "extracted": self.extracted,
            "correct": self.correct,
            "by": self.by,
            "reason": self.reason,
        }


def shorten(text: str, limit: int = 120) -> str:
    """Shorten a text for a reason or a log line: cut out its middle and keep both ends."""
    text = " ".join(text[: limit * 4].split()) if len(text) > limit * 4 else " ".join(text.split())
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
