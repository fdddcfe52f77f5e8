"""Writes Chinese numerals as digits: `十二`, `两千三百`, `三分之二`, `百分之五十`, `1又1/2`, `二十个`."""

import re
from functools import lru_cache

from r1v3.reward.maths.units import parse_unit

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_TENS = {"十": 10, "百": 100, "千": 1_000}
_MYRIADS = {"万": 10**4, "亿": 10**8}
_SPOKEN = "[零〇一二两三四五六七八九十百千万亿]+"
_PART = rf"(?:{_SPOKEN}|\d+)"
_NUMERAL = re.compile(
    rf"(?:(?P<whole>{_PART})\s*又\s*)?"
    rf"(?:(?P<bottom>{_PART})\s*分之\s*(?P<top>{_PART})"
    r"|(?P<n>\d+)\s*/\s*(?P<d>\d+)|\\frac\s*\{\s*(?P<n2>\d+)\s*\}\s*\{\s*(?P<d2>\d+)\s*\})"
    rf"|(?P<plain>{_SPOKEN})(?:点(?P<decimals>[零〇一二三四五六七八九]+))?"
)
_COUNTERS = frozenset("个只条张本种次人名位件块支棵头辆道页岁倍组对根")

_PLACES = "个名位天年月周次行列层排项步"


@lru_cache(maxsize=16_384)
def in_digits(text: str) -> str:
    """Return a normalised leaf with its leading Chinese numeral in digits; other texts unchanged.

    A numeral at the start of a word (`三角形`, `一次函数`) is part of that word.
    """
    if text.isascii() or len(text) > 60:
        return text
    if text == "一半":
        return "1/2"
    if text[0] == "第" and (place := in_digits(text[1:].rstrip(_PLACES))).isdigit():
        return place
    if text[0] == "负":
        size = in_digits(text[1:].strip())
        return f"-{size}" if size[:1].isdigit() else text
    match = _NUMERAL.match(text)
    number = _written(match) if match else None
    if match is None or number is None:
        return text
    rest = text[match.end() :].strip()
    if rest and rest not in _COUNTERS and parse_unit(rest) is None:
        return text
    return f"{number} {rest}".strip()


def _written(match: re.Match[str]) -> str | None:
    found = match.groupdict()
    if found["plain"]:
        whole = _integer(found["plain"])
        if whole is None or not found["decimals"]:
            return None if whole is None else str(whole)
        return f"{whole}." + "".join(str(_DIGITS[char]) for char in found["decimals"])
    if not (found["whole"] or found["bottom"]):
        return None  # a plain 1/2 needs no rewriting
    top = _integer(found["top"] or found["n"] or found["n2"])
    below = found["bottom"] or found["d"] or found["d2"]
    bottom = _TENS.get(below) or _MYRIADS.get(below) or _integer(below)
    whole = _integer(found["whole"]) if found["whole"] else 0
    if top is None or not bottom or whole is None:
        return None
    return f"{top}%" if below == "百" and not whole else f"{whole * bottom + top}/{bottom}"


def _integer(text: str) -> int | None:
    """Return the value of digits or a numeral; None if the characters form no numeral."""
    if text.isdigit() and text.isascii():
        return int(text) if len(text) <= 30 else None
    if len(text) > 20:
        return None
    if not any(char in _TENS or char in _MYRIADS for char in text):  # digits one by one
        readable = len(text) != 2  # 三五 means three to five
        return int("".join(str(_DIGITS[char]) for char in text)) if readable else None
    total = section = digit = 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _TENS:
            if digit == 0 and (char != "十" or section):
                return None
            section += (digit or 1) * _TENS[char]
            digit = 0
        else:
            below = section + digit
            if total + below == 0:
                return None
            total = (total + below) * _MYRIADS[char] if char == "亿" else total + below * 10**4
            section = digit = 0
    if digit and text[-2] in "百千万亿":
        digit *= (_TENS | _MYRIADS)[text[-2]] // 10  # 三万五 is 35,000
    return total + section + digit
