"""The question from which attack answers are generated."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from r1v3.reward.choice.letters import gold_letters
from r1v3.reward.choice.options import Options
from r1v3.reward.maths.numbers import parse_number
from r1v3.reward.rules import accepted, check_type, gold_text, options_of
from r1v3.reward.text.normalize import normalise
from r1v3.reward.verdict import AnswerRow


@dataclass(frozen=True)
class AttackedQuestion:
    """Values that a generator needs.

    Attributes:
        text: the question, "" if there is none.
        gold: the first accepted answer, without a box and dollar signs.
        letters: the correct letters of a choice, "" for other types.
        options: texts of the options of a choice, in order.
    """

    id: str
    text: str
    gold: str
    type: str
    letters: str
    options: Options

    def row(self, response: str) -> AnswerRow:
        """Return the input row of a grader for a response."""
        return {
            "id": self.id,
            "question": self.text or None,
            "gold": self.letters or self.gold,
            "type": self.type,
            "options": list(self.options) if self.options else None,
            "response": response,
        }

    @property
    def answer(self) -> str:
        """Return the letters of a choice, for other types the gold."""
        return self.letters or self.gold

    @property
    def is_number(self) -> bool:
        return not self.letters and parse_number(normalise(self.gold)) is not None


_DOLLARS = re.compile(r"^\$+|\$+$")


def read_questions(lines: Iterable[str], name: str) -> list[AttackedQuestion]:
    """Read questions from JSON lines with `gold`, `type` and optionally `question` and `options`.

    Raises:
        ValueError: a line is not such an object; the message names the line.
    """
    found: list[AttackedQuestion] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            check_type(row["type"])
            found.append(_question(row, number))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{name}:{number}: {type(error).__name__}: {error}") from None
    return found


def _question(row: AnswerRow, number: int) -> AttackedQuestion:
    gold = _DOLLARS.sub("", gold_text(accepted(row["gold"])[0].strip()).strip()).strip(" .")
    options = options_of(row) if row["type"].startswith("mcq") else None
    letters = (gold_letters(gold, options) or "") if row["type"].startswith("mcq") else ""
    return AttackedQuestion(
        str(row.get("id", number)), row.get("question") or "", gold, row["type"], letters, options
    )
