"""The verifier's questions about rows that the rules found wrong (report, eq. 2: rule OR model)."""

import string

from r1v3.reward.choice.letters import gold_letters
from r1v3.reward.choice.options import MAX_OPTIONS, Options
from r1v3.reward.rules import accepted, options_of
from r1v3.reward.text.extract import final_text
from r1v3.reward.verdict import AnswerRow, Verdict
from r1v3.reward.verifier.prompt import MAX_ANSWER


def questions_for_verifier(row: AnswerRow, verdict: Verdict) -> list[tuple[str, str, str]]:
    """Return (question, gold, answer) for each accepted gold; an empty list if nothing can be judged.

    A multiple-choice row whose letter was read needs no judge. If no letter was read, the model gets the end
    of the answer (never the thought), and the options after the question.
    """
    question = row.get("question") or ""
    if not row["type"].startswith("mcq"):
        said = verdict.extracted
        return [(question, gold, said) for gold in accepted(row["gold"])] if said else []
    said = (final_text(str(row["response"] or "")) or "").strip()[-MAX_ANSWER:]
    if verdict.extracted is not None or not said:
        return []
    options = options_of(row)
    if options and row.get("options"):
        question = "\n".join([question, *map(_lettered, string.ascii_uppercase, options)])
    return [(question, _gold_with_text(gold, options), said) for gold in accepted(row["gold"])]


def _lettered(letter: str, option: str) -> str:
    return f"{letter}. {option}"


def _gold_with_text(gold: str, options: Options) -> str:
    """Return `B. 24 cm` for the gold `B`, so that it can be compared with an answer in words."""
    letters = gold_letters(gold, options)
    if not letters or not options:
        return gold
    places = [string.ascii_uppercase[:MAX_OPTIONS].index(letter) for letter in letters]
    return "; ".join(
        _lettered(letter, options[at]) for letter, at in zip(letters, places) if at < len(options)
    )
