"""The record that every graded answer leaves behind."""

from dataclasses import dataclass
from typing import Any, TypeAlias

# One answer to grade: `response`, `gold` and `type`; `id`, `options`, `question` and `tolerance` where known.
AnswerRow: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What was read from a response, whether it is right, who decided and why.

    Attributes:
        extracted: the answer as it was read, or None where the response gives none.
        correct: True, False, or None where nobody could judge (never a guess).
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
    """Cut text for a reason or a log line; the middle goes, both ends stay."""
    text = " ".join(text[: limit * 4].split()) if len(text) > limit * 4 else " ".join(text.split())
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
