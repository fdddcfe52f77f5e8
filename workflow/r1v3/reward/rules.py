"""Rule accuracy (R_rule of the report's eq. 2): decides whether the extracted answer equals the gold.

The cheap checks come first: equal strings, equal numbers, then structure with exact or numeric evaluation.
Symbolic algebra comes last (math-verify, in a worker that can be killed).
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from r1v3.reward.choice.letters import extract_letters, gold_letters
from r1v3.reward.choice.options import Options, options_in
from r1v3.reward.maths.algebra import is_algebra
from r1v3.reward.maths.alike import in_same_names, with_plain_subscripts
from r1v3.reward.maths.compare import Comparison
from r1v3.reward.maths.numbers import parse_number
from r1v3.reward.maths.quantity import close_values, same_string, same_usual_words
from r1v3.reward.maths.shape import readings, with_whole_marks
from r1v3.reward.maths.units import split_unit
from r1v3.reward.maths.workers import Reply
from r1v3.reward.text.boxes import find_boxes, join_last_boxes
from r1v3.reward.text.conclude import concluded, open_answer, stated_in_box
from r1v3.reward.text.cut import goes_on, is_broken
from r1v3.reward.text.extract import extract_answer, final_text, several_boxes
from r1v3.reward.text.normalize import MAX_CHARS, fold_width, is_legible, normalise, squeeze
from r1v3.reward.text.question import (
    echoes,
    restates,
    same_in_frame,
    without_count,
    without_counted,
    without_domain,
)
from r1v3.reward.text.statements import same_statements
from r1v3.reward.verdict import AnswerRow, Verdict, shorten

TYPES = ("mcq", "mcq_multi", "open", "fill")
_DELIMITERS = re.compile(r"(?<!\\)\$+|(?<!\\)\\[()\[\]]")
_BLANK = re.compile(
    r"_{2,}|\\underline\s*\{[\s\\a-z~]*\}|[(（]\s*(?:\\q?quad|\s)*[)）]|\\_(?:\\_)+"
)


@dataclass(frozen=True)
class Pending:
    """An answer that only algebra can judge: a worker's question, and the answer as it was extracted."""

    answer: str
    gold: str
    extracted: str
    digits: int

    @property
    def question(self) -> tuple[str, str, int]:
        return (self.answer, self.gold, self.digits)


def check_type(type: object) -> None:
    """Raise ValueError for an unknown answer type."""
    if type not in TYPES:
        raise ValueError(f"type: {type!r} is not one of {', '.join(TYPES)}")


def apply_rules(row: AnswerRow) -> Verdict | list[Pending]:
    """Grade one row by rules. Return questions for a worker if only algebra can decide."""
    check_type(row.get("type"))
    golds = accepted(row["gold"])
    text = final_text(str(row["response"] or ""))
    if text and echoes(text, row.get("question") or ""):
        return Verdict(None, False, "rule:restated", "the question, and no answer")
    if not text:
        return Verdict(None, False, "rule:unanswered", "no text after the thought")
    if row["type"].startswith("mcq"):
        return _choice(text, golds, options_of(row), row["type"], row.get("question"))
    comparison = _comparison(row)
    found = concluded(text, row.get("question"))
    if found is None or not found.text:
        return Verdict(None, False, "rule:unanswered", "no answer found")
    answer = found.text[: MAX_CHARS + 1]
    if not found.whole:
        return Verdict(
            answer, False, "rule:unreadable", f"a {found.where} that no rule reads as a whole"
        )
    if not is_legible(answer):
        return Verdict(answer, False, "rule:unreadable", "a character that prints nothing")
    pending = []
    question = row.get("question") or ""
    for gold in golds:
        wanted = gold_text(gold)
        rule = compare_open(answer, wanted, comparison)
        if not rule and found.where == "box" and (said := stated_in_box(answer, question)):
            rule = compare_open(said, wanted, comparison) or rule
        if not rule and (boxes := several_boxes(text)):
            rule = compare_open(boxes, wanted, comparison) or rule
        if not rule and same_in_frame(answer, wanted, question):
            rule = "words"
        if not rule and question and split_unit(normalise(wanted))[1] is None:
            rule = compare_open(without_counted(answer, question), wanted, comparison) or rule
        if rule and rule != "string" and restates(answer, wanted, question):
            return Verdict(
                answer, False, "rule:restated", "an expression of the question, not worked out"
            )
        if rule:
            return Verdict(answer, True, f"rule:{rule}", f"equals {shorten(gold, 60)}")
        readable = rule is None and is_algebra(answer) and is_algebra(wanted)
        if readable and not (restates(answer, wanted, question) or _of_another(answer, wanted)):
            pending.append(
                Pending(bare_latex(answer), bare_latex(gold_text(gold)), answer, _digits(row))
            )
    return pending or Verdict(
        answer, False, "rule:different", f"no rule makes it {shorten(golds[0], 60)}"
    )


def _of_another(answer: str, gold: str) -> bool:
    """Return whether two equations start with different limits or integrals; algebra compares their ends."""
    sides = [squeeze(normalise(text)).split("=") for text in (answer, gold)]
    runs = any(r"\lim" in side[0] or r"\int" in side[0] for side in sides)
    return runs and min(map(len, sides)) == 2 and sides[0][0] != sides[1][0]


def options_of(row: AnswerRow) -> Options:
    """Return the option texts of a row; without them, search its question for options."""
    given = row.get("options") or []
    given = given.values() if isinstance(given, dict) else given
    return [str(option) for option in given] or options_in(row.get("question") or "")


def accepted(gold: str | list[str]) -> list[str]:
    """Return the accepted answers of a gold: a list, one answer, or several answers separated by `##`."""
    golds = gold if isinstance(gold, list) else [gold]
    parts = [part for one in golds for part in _ALTERNATIVES.split(str(one)) if part.strip()]
    return [*parts, *(_MISPRINTED.sub("", one) for one in parts if _MISPRINTED.search(one))] or [""]


_MISPRINTED = re.compile(r"(?<=\A\d\.)\s+(?=\d+\.?\s*\Z)")  # a gold `0. 98` also means 0.98
_ALTERNATIVES = re.compile(r"\s\\?#\s*\\?#\s")


def settle(pending: list[Pending], replies: list[Reply]) -> Verdict:
    """Turn the workers' replies into a verdict."""
    extracted = pending[0].extracted
    for question, reply in zip(pending, replies, strict=True):
        if reply.get("equal"):
            return Verdict(extracted, True, "rule:symbolic", f"equals {shorten(question.gold, 60)}")
    errors = [reply["error"] for reply in replies if "error" in reply]
    why = f"algebra gave up: {errors[0]}" if errors else "algebra finds it different"
    return Verdict(extracted, False, "rule:symbolic", f"{why}; gold {shorten(pending[0].gold, 60)}")


def bare_latex(text: str) -> str:
    """Return the text for a worker: with folded signs and without formula delimiters."""
    return _DELIMITERS.sub(" ", fold_width(text)).strip(" .;,")


def _digits(row: AnswerRow) -> int:
    """Return the number of decimals to which algebra compares floating-point numbers."""
    tolerance = row.get("tolerance")
    return 12 if not tolerance else max(0, round(-math.log10(2 * tolerance)))


def _comparison(row: AnswerRow) -> Comparison:
    """Return how the row's answers are compared. In a question with several blanks their order is fixed."""
    blanks, asked = _asked(row.get("question") or "")
    return Comparison(
        row.get("tolerance"), row["type"] == "fill" or blanks >= 2, blanks >= 2, asked
    )


@lru_cache(maxsize=4_096)
def _asked(question: str) -> tuple[int, bool | None]:
    """Return a question's number of blanks, and whether it may ask for percent (None without a question)."""
    question = question[:20_000]
    return len(_BLANK.findall(question)), bool(_PERCENT.search(question)) if question else None


# Words of questions whose answer may be a percentage.
_PERCENT = re.compile(
    r"percent|%|百分|chart|\bpie\b|\bbars?\b|accura|\brates?\b|\bshare\b|growth|率", re.IGNORECASE
)


@lru_cache(maxsize=16_384)
def gold_text(gold: str) -> str:
    """Return the answer in a gold, which may be boxed or a whole solution."""
    boxes = find_boxes(gold)
    if boxes:
        return join_last_boxes(gold, boxes)
    if "boxed{" in gold and len(gold) <= 300:
        return gold.split("boxed{")[-1]
    return (extract_answer(gold) or gold) if len(gold) > 300 else gold


def _choice(
    text: str, golds: list[str], options: Options, type: str, question: str | None
) -> Verdict:
    chosen = extract_letters(text, options, type == "mcq_multi", question)
    for gold in golds:
        wanted = gold_letters(gold, options)
        if wanted is None:  # a gold that is not an option, as in "select from 1 to 5"
            said = open_answer(text, question)
            if said and compare_open(said, gold, Comparison()):
                return Verdict(said, True, "rule:text", f"equals {shorten(gold, 60)}")
        elif wanted == chosen:
            return Verdict(chosen, True, "rule:letter", f"option {chosen}")
    if chosen is None:
        return Verdict(None, False, "rule:unanswered", "no option was chosen")
    return Verdict(chosen, False, "rule:letter", f"chose {chosen}, not {shorten(golds[0], 40)}")


_QUANTIFIER = re.compile(r"\\(?:forall|exists|nexists|neg|lnot)(?![a-z])")


def compare_open(answer: str, gold: str, comparison: Comparison) -> str | bool | None:
    """Return the name of the rule by which two answers are equal; False; or None if no rule can decide."""
    if max(len(answer), len(gold)) > MAX_CHARS:
        return "string" if answer.strip() == gold.strip() else False
    answer, gold = in_same_names(answer, gold)
    g = with_whole_marks(normalise(gold))
    a = with_plain_subscripts(with_whole_marks(normalise(answer)), g)
    if not a or not g or goes_on(without_count(answer)) != goes_on(gold):
        return False
    if same_string(a, g):
        return "string"
    if same_usual_words(a, g):
        return "words"
    if is_broken(a) and not is_broken(g):
        return False
    stripped, wanted = without_domain(a, g), _QUANTIFIER.findall(g)
    if wanted not in (_QUANTIFIER.findall(a), _QUANTIFIER.findall(stripped)):
        return False
    if stripped != a:
        return compare_open(stripped, g, comparison)
    x, y = parse_number(a), parse_number(g)
    if x is not None and y is not None and comparison.tolerance is None and "/" not in a + g:
        if x == y:
            return "number"
        if "," not in a + g and "frac" not in a + g and " " not in a + g:
            return False
    elif x is not None and y is not None and close_values(x, y, comparison.tolerance):
        return "number"
    statements = same_statements(a, g)
    if statements is not None:
        return "statements" if statements else False
    unsure = False
    for one in readings(a):
        for other in readings(g):
            try:
                equal = comparison.same_text(one, other)
            except (RecursionError, ArithmeticError):  # too deep, or beyond the range of floats
                equal = False
            if equal:
                return "structure" if any(c in one for c in ",;<>:=") else "expression"
            unsure = unsure or equal is None
    return None if unsure else False
