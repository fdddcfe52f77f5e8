"""Traits of an answer that a verdict does not show. A policy learns the traits that get a reward."""

import re
from dataclasses import dataclass

from r1v3.reward.text.boxes import find_boxes
from r1v3.reward.text.extract import extract_answer, final_text
from r1v3.reward.text.normalize import normalise, squeeze

_HEDGES = re.compile(
    r"(?<![A-Za-z])(?:maybe|perhaps|possibly|probably|might|could\s+be|may\s+be|not\s+sure|unsure|guess|either|or)"
    r"(?![A-Za-z])|可能|也许|或许|大概|不确定|或",
    re.IGNORECASE,
)
SEARCHED = 300  # number of characters at the end of an answer that are searched for a hedge


@dataclass(frozen=True)
class Traits:
    """Traits of an answer.

    Attributes:
        hedged: whether its end contains "maybe", "or" or a similar word.
        unboxed: whether it contains no box.
        from_question: whether the question contains its answer, except for option letters.
    """

    hedged: bool
    unboxed: bool
    from_question: bool


def traits_of(response: str, question: str | None) -> Traits:
    """Return the traits of a response. Its thought is not read."""
    text = final_text(response) or ""
    answer = squeeze(normalise(extract_answer(response) or ""))
    asked = squeeze(normalise(question or ""))
    return Traits(
        hedged=bool(_HEDGES.search(text[-SEARCHED:])),
        unboxed=not find_boxes(text),
        from_question=len(answer) > 1 and answer in asked,
    )
