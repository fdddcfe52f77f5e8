"""Writes English number words as digits: `twenty-one`, `one hundred and five`, `minus six`, `thirteen`."""

import re
from fractions import Fraction
from functools import lru_cache

_SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNITS = {word: value for value, word in enumerate(_SMALL.split())}
_VALUES = _UNITS | {word: 20 + 10 * place for place, word in enumerate(_TENS.split())}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9}
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_ORDINAL_WORDS = {word: str(place) for place, word in enumerate(_ORDINALS.split(), start=1)}
_PARTS = {"half": 2, "quarter": 4} | {
    word: place for place, word in enumerate(_ORDINALS.split(), start=1) if place > 2
}
# `two thirds`, `three-quarters`, `one and a half`. `second` is a unit of time, and `third` alone is an
# ordinal.
_FRACTION = re.compile(
    rf"(?:(?P<whole>[a-z -]+?) and )?(?P<top>a|an|[a-z]+)[\s-]+(?P<part>{'|'.join(_PARTS)}|halve)s?"
)
_PLACE = re.compile(
    r"(?:the\s+)?(\d+)\s*(?:\^\s*)?\{?\s*(?:st|nd|rd|th)\s*\}?(?:\s+(?i:day|week|month|year|term|row|column|place|floor|"
    r"page|person|time))?|第\s*(\d+)\s*[天年月周个次名行列层排位项步]?"
)


@lru_cache(maxsize=16_384)
def english_in_digits(text: str) -> str:
    """Return a leaf that consists of number words in digits; other texts unchanged."""
    folded = text.casefold().strip()
    if not folded[:1].isalpha() or len(folded) > 80:
        return text
    sign = ""
    for word in ("minus ", "negative "):
        if folded.startswith(word):
            sign, folded = "-", folded[len(word) :]
    value = _value(re.split(r"[\s-]+", folded))
    if value is None:
        value = _fraction(folded)
    if value is not None:
        return f"{sign}{value}"
    return sign + folded if sign and folded[:1].isdigit() else text


def _fraction(folded: str) -> Fraction | None:
    """Return the value of `half`, `two thirds` or `one and a half`; None for other words."""
    if folded in ("a dozen", "one dozen"):
        return Fraction(12)
    if folded in ("half", "one half", "a half"):
        return Fraction(1, 2)
    found = _FRACTION.fullmatch(folded)
    if not found:
        return None
    part = 2 if found.group("part") == "halve" else _PARTS[found.group("part")]
    top = 1 if found.group("top") in ("a", "an") else _value([found.group("top")])
    whole = _value(re.split(r"[\s-]+", found.group("whole"))) if found.group("whole") else 0
    if not top or whole is None or (found.group("whole") and top >= part):
        return None
    return whole + Fraction(top, part)


def _value(words: list[str]) -> int | None:
    """Return the value of number words in the given order; None for other words."""
    total = group = 0
    last = 10**12  # each part of a group is smaller than the part before it
    words = [word for place, word in enumerate(words) if not (word == "and" and place)]
    for place, word in enumerate(words):
        if word in _VALUES:
            value = _VALUES[word]
            if value >= last or (last < 20 or (last < 100 and value > 9)):
                return None
            group, last = group + value, value
        elif word == "a" and place == 0 and words[1:2] and words[1] in _SCALES:
            group, last = 1, 1
        elif word == "hundred" and 0 < group < 100 and group % 10:  # fifteen hundred
            group, last = group * 100, 100
        elif word in _SCALES and word != "hundred" and group:
            total, group, last = total + group * _SCALES[word], 0, 10**12
        else:
            return None
    return total + group if words else None


def without_ordinal(text: str) -> str:
    """Return `12` for `12th`, `the 12^{th} day`, `twelfth` and `第12天`."""
    match = _PLACE.fullmatch(text.strip())
    if match:
        return match.group(1) or match.group(2)
    return _ORDINAL_WORDS.get(text.strip().casefold().removeprefix("the "), text)
