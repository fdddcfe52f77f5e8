"""Golds that list statements by number, `①③④` or `(1)(3)`, and answers that write `1, 3, 4`."""

import re

_CIRCLED = {chr(0x2460 + index): index + 1 for index in range(20)}
_CIRCLED_LIST = re.compile(rf"[{''.join(_CIRCLED)}](?:[\s,;]|和|与|and)*")
_NUMBERED = re.compile(r"\(\d{1,2}\)\s*(?:[,;]\s*|和|与|and\s+)?")
_PLAIN = re.compile(r"\d{1,2}(?:\s*[,;]\s*\d{1,2})*")


def statement_numbers(text: str, plain: bool = False) -> list[int] | None:
    """Return the numbers of the listed statements in written order; None for any other text."""
    if re.fullmatch(rf"(?:{_CIRCLED_LIST.pattern})+", text):
        return [_CIRCLED[char] for char in text if char in _CIRCLED]
    if re.fullmatch(rf"(?:{_NUMBERED.pattern})+", text) and text.count("(") > 1 - plain:
        return [int(number) for number in re.findall(r"\d+", text)]
    if plain and _PLAIN.fullmatch(text):
        return [int(number) for number in re.findall(r"\d+", text)]
    return None


def same_statements(answer: str, gold: str) -> bool | None:
    """Compare two lists of statement numbers; None if the gold is not such a list.

    A gold whose numbers do not increase, such as `③①②`, is an order.
    """
    if not gold or (gold[0] not in _CIRCLED and gold[0] != "("):
        return None
    wanted = statement_numbers(gold)
    if wanted is None:
        return None
    said = statement_numbers(answer, plain=True)
    ordered = wanted != sorted(wanted)
    return said is not None and (said == wanted or (not ordered and set(said) == set(wanted)))
