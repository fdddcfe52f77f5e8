r"""Parses units of measure: `12 cm`, `3.6 km/h`, `5\mathrm{~m\cdot s^{-1}}`, `20平方厘米`, `\$5`, `90°`.

A unit is a factor and a dimension. Units of equal dimensions are converted, others never match. A word that
is not a unit of measure (`students`, `个`) counts things and is ignored.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from r1v3.reward.maths.unit_table import NAMES, PLURALS, PREFIXES, SYMBOLS

Dimension = tuple[tuple[str, Fraction], ...]


@dataclass(frozen=True)
class Unit:
    """A factor to base units, and the dimension as sorted (base, exponent) pairs."""

    factor: Fraction
    dimension: Dimension
    name: str


def _dimension(text: str) -> dict[str, Fraction]:
    found = {}
    for part in re.findall(r"([a-zA-Z ]+?)(-?\d+)?(?:\s|$)", text) if text != "1" else []:
        found[part[0].strip()] = Fraction(part[1] or 1)
    return found


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[Fraction, dict[str, Fraction]]]:
    """Return factor and dimension of each name, with all prefixes and plurals."""
    table = {}
    for factor, dimension, symbol, *prefixes in _rows(SYMBOLS):
        table[symbol] = (Fraction(factor), _dimension(dimension))
        for prefix in prefixes[0].split() if prefixes else ():
            name = f"{prefix} {symbol}" if prefix.startswith("\\") else prefix + symbol
            scale = Fraction(10) ** PREFIXES[prefix]
            table[name] = (Fraction(factor) * scale, _dimension(dimension))
    for factor, dimension, names in _rows(NAMES):
        for word in (name.replace("_", " ") for name in names.split()):
            table[word] = (Fraction(factor), _dimension(dimension))
            if word.isascii() and word.isalpha() and len(word) > 2:
                plural = PLURALS.get(word, word + "s")
                for form in (plural, word.capitalize(), plural.capitalize()):
                    table[form] = table[word]
    table["\\mu m"] = table["um"]
    return table


_POWER = r"\s*\^\s*(?:\{\s*[+-]?\d+\s*\}|[+-]?\d)|(?<=m)[23]|\s(?:squared|cubed)"
_MODIFIER = r"square|cubic|sq\.?|cu\.?|平方|立方"


def _any_name() -> str:
    names = sorted(_table(), key=len, reverse=True)
    return "|".join(re.escape(name).replace(r"\ ", r"\s*") for name in names)


@lru_cache(maxsize=1)
def _unit_at_end() -> re.Pattern[str]:
    one = rf"(?:(?:{_MODIFIER})\s*)?(?:{_any_name()})(?![a-zA-Z])(?:{_POWER})?"
    joint = r"\s*(?:/|\\cdot|\\times|\*|\.|-|\s|每|\bper\b)\s*"
    return re.compile(
        rf"(?![\d .)}}])(?=((?:per\s+)?{one}(?:{joint}(?:\(\s*{one}(?:{joint}{one})*\s*\)|{one}))*\.?$))"
    )


@lru_cache(maxsize=1)
def _next_part() -> re.Pattern[str]:
    return re.compile(
        r"\s*(?:(?P<operator>/|\\cdot|\\times|\*|每|per\b|\(|\)|-|\.)"
        rf"|(?P<modifier>{_MODIFIER})?\s*(?P<name>{_any_name()})(?![a-zA-Z])(?P<exponent>{_POWER})?)"
    )


_TIMES = re.compile(r"\s*(?:\\cdot|\*)")


@lru_cache(maxsize=16_384)
def split_unit(text: str) -> tuple[str, Unit | None, bool]:
    """Split a normalised text into its number and the unit at its end.

    Returns:
        The number part, the unit or None, and whether the unit follows a number without letters directly
        (`3m`). In that case it may be a variable.
    """
    currency = re.match(r"(-?)\s*(\\\$|¥|£|€|USD|RMB)\s*(?=[\d.(\\-])", text)
    if currency:
        factor, dimension = _table()[currency.group(2)]
        rest = (currency.group(1) + text[currency.end() :]).strip()
        amount, scale, _ = split_unit(rest)  # 5 million
        if scale and not scale.dimension:
            rest, factor = amount, factor * scale.factor
        return rest, Unit(factor, tuple(dimension.items()), currency.group(2)), False
    if not text or (text[-1].isdigit() and "^" not in text[-6:] and text[-1] not in "23"):
        return text, None, False
    for match in _unit_at_end().finditer(text, max(0, len(text) - 60)):  # the longest first
        head, name = text[: match.start()], match.group(1)
        unit = parse_unit(name)
        stripped = head.rstrip(" \\*~")
        if unit is None or not stripped or stripped[-1] in "+-*/^_=<>(,{":
            continue
        if head[-1:].isalpha() and head[-1:].isascii() and name[0].isascii():
            continue
        glued = head == stripped and name[0].isalpha() and name.isascii()
        return stripped, unit, glued
    return text, None, False


@lru_cache(maxsize=4_096)
def parse_unit(text: str) -> Unit | None:
    """Return the unit that a text names, or None."""
    table = _table()
    factor = Fraction(1)
    dimension: dict[str, Fraction] = {}
    at, sign, in_bracket = 0, 1, False
    text = text.rstrip(".").strip()
    while at < len(text):
        match = _next_part().match(text, at)
        if not match:
            return None
        at = match.end()
        if operator := match.group("operator"):
            if operator in ("/", "每", "per"):
                sign = -1
            elif operator == "(":
                in_bracket = True
            elif operator == ")":
                in_bracket, sign = False, 1
            continue
        exponent = 1
        if modifier := match.group("modifier"):
            exponent = 3 if modifier.startswith(("cu", "立")) else 2
        if written := match.group("exponent"):
            bare = re.sub(r"[\s{}^+]", "", written)
            exponent = {"squared": 2, "cubed": 3}.get(bare) or int(bare)
        part_factor, part_dimension = table[re.sub(r"\s+", " ", match.group("name"))]
        factor *= part_factor ** (sign * exponent)
        for base, power in part_dimension.items():
            dimension[base] = dimension.get(base, Fraction(0)) + sign * exponent * power
        if not in_bracket and _TIMES.match(text, at):
            sign = 1
    pairs = tuple(sorted((base, power) for base, power in dimension.items() if power))
    return Unit(factor, pairs, text)


_ONE = Fraction(1)
# Kelvin per degree, and kelvin at zero degrees. School books also use 273 K for 0 ℃.
_HEAT = {
    "celsius": ((_ONE, Fraction("273.15")), (_ONE, Fraction(273))),
    "fahrenheit": ((Fraction(5, 9), Fraction("459.67") * 5 / 9),),
    "K": ((_ONE, Fraction(0)),),
}


def kelvins(unit: Unit) -> tuple[tuple[Fraction, Fraction], ...]:
    """Return the readings of a temperature scale as (kelvin per degree, kelvin at zero), or ()."""
    if len(unit.dimension) != 1 or unit.dimension[0][1] != 1:
        return ()
    return tuple((k * unit.factor, zero) for k, zero in _HEAT.get(unit.dimension[0][0], ()))
