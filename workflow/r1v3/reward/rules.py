"""Rule accuracy (R_rule of the report's eq. 2): is the extracted answer the gold one?"""

from r1v3.reward.extract import boxed_answer, extract_answer, final_text
from r1v3.reward.letters import extract_letters, letters_of_text, read_letters
from r1v3.reward.normal import normalise, squeeze
from r1v3.reward.numbers import parse_number
from r1v3.reward.verdict import Verdict, shorten

TYPES = ("mcq", "mcq_multi", "open", "fill")


def check_type(type: str) -> None:
    """Raise ValueError for an unknown answer type."""
    if type not in TYPES:
        raise ValueError(f"type: {type!r} is not one of {', '.join(TYPES)}")


def decide(row: dict, pool) -> Verdict:
    """Grade one row by rules."""
    check_type(row["type"])
    golds = row["gold"] if isinstance(row["gold"], list) else [row["gold"]]
    golds = [str(gold) for gold in golds]
    text = final_text(row["response"] or "")
    if not text:
        return Verdict(None, False, "rule:unanswered", "no text after the thought")
    if row["type"].startswith("mcq"):
        return _choice(text, golds, row.get("options"))
    answer = boxed_answer(text) or extract_answer(text)
    if answer is None:
        return Verdict(None, False, "rule:unanswered", "no answer found")
    tolerance = row.get("tolerance")
    for gold in golds:
        rule = _open(answer, gold, tolerance, pool)
        if rule:
            return Verdict(answer, True, f"rule:{rule}", f"equals {shorten(gold, 60)}")
    return Verdict(answer, False, "rule:none", f"no rule makes it {shorten(golds[0], 60)}")


def _choice(text: str, golds: list[str], options: list[str] | None) -> Verdict:
    chosen = extract_letters(text, options)
    if chosen is None:
        return Verdict(None, False, "rule:unanswered", "no option was chosen")
    for gold in golds:
        clean = normalise(gold)
        letters = read_letters(clean, options) or letters_of_text(clean, options)
        if letters == chosen:
            return Verdict(chosen, True, "rule:letter", f"option {letters}")
    return Verdict(chosen, False, "rule:letter", f"chose {chosen}, not {shorten(golds[0], 40)}")


def _open(answer: str, gold: str, tolerance: float | None, pool) -> str | None:
    a, g = normalise(answer), normalise(gold)
    if squeeze(a) == squeeze(g):
        return "string"
    x, y = parse_number(a), parse_number(g)
    if x is not None and y is not None:
        close = tolerance is not None and abs(x - y) <= tolerance
        return "number" if x == y or close else None
    return "symbolic" if pool.ask(a, g).get("equal") else None
