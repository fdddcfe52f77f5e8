r"""Units of measure: `12 cm`, `3.6 km/h`, `5\mathrm{~m\cdot s^{-1}}`, `20平方厘米`, `\$5`, `90°`.

A unit is a factor and a dimension; equal dimensions convert, different ones never match. A word that
is no unit of measure (`students`, `个`) counts things and is ignored.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

Dimension = tuple[tuple[str, Fraction], ...]


@dataclass(frozen=True)
class Unit:
    """A factor to base units and the dimension as sorted (base, exponent) pairs."""

    factor: Fraction
    dimension: Dimension
    name: str


_PREFIXES = {
    "n": -9, r"\mu": -6, "u": -6, "m": -3, "c": -2, "d": -1, "h": 2, "k": 3, "M": 6, "G": 9, "T": 12,
    "p": -12,
}  # fmt: skip
# symbol: (factor, dimension, prefixes that occur)
_SYMBOLS = {
    "m": (1, "m", "n \\mu u m c d k"), "g": (Fraction(1, 1000), "kg", "\\mu u m k"),
    "s": (1, "s", "n \\mu u m"), "A": (1, "A", "\\mu u m k"), "K": (1, "K", "m"),
    "mol": (1, "mol", "m \\mu k"), "cd": (1, "cd", ""), "Hz": (1, "s-1", "k M G"),
    "N": (1, "kg m s-2", "k m M"), "J": (1, "kg m2 s-2", "k M m"), "W": (1, "kg m2 s-3", "k M m G"),
    "Pa": (1, "kg m-1 s-2", "k M h G"), "C": (1, "A s", "\\mu u m n"),
    "V": (1, "kg m2 s-3 A-1", "k m \\mu u"), "F": (1, "kg-1 m-2 s4 A2", "\\mu u n p m"),
    r"\Omega": (1, "kg m2 s-3 A-2", "k M m"), "T": (1, "kg s-2 A-1", "m \\mu"),
    "Wb": (1, "kg m2 s-2 A-1", "m"), "H": (1, "kg m2 s-2 A-2", "m \\mu u"),
    "L": (Fraction(1, 1000), "m3", "m \\mu u d"), "l": (Fraction(1, 1000), "m3", "m d"),
    "eV": (Fraction("1.602176634e-19"), "kg m2 s-2", "k M G"), "Bq": (1, "s-1", "k M"),
    "cal": (Fraction("4.184"), "kg m2 s-2", "k"), "bar": (100_000, "kg m-1 s-2", "m"),
    "rad": (1, "", "m"),
}  # fmt: skip
# names: (factor, dimension); English plurals are added, Chinese names stand as they are
_NAMES = {
    "meter metre 米": (1, "m"), "centimeter centimetre 厘米 公分": (Fraction(1, 100), "m"),
    "decimeter decimetre 分米": (Fraction(1, 10), "m"), "millimeter millimetre 毫米": (Fraction(1, 1000), "m"),
    "kilometer kilometre 千米 公里": (1000, "m"), "micrometer micron 微米": (Fraction(1, 10**6), "m"),
    "nanometer 纳米": (Fraction(1, 10**9), "m"), "里": (500, "m"), "光年 ly": (Fraction("9.4607e15"), "m"),
    "inch in": (Fraction("0.0254"), "m"), "foot ft feet": (Fraction("0.3048"), "m"),
    "yard yd": (Fraction("0.9144"), "m"), "mile mi": (Fraction("1609.344"), "m"),
    "gram 克": (Fraction(1, 1000), "kg"), "kilogram 千克 公斤 kilo": (1, "kg"), "milligram 毫克": (Fraction(1, 10**6), "kg"),
    "斤": (Fraction(1, 2), "kg"), "tonne ton 吨 t": (1000, "kg"), "pound lb": (Fraction("0.45359237"), "kg"),
    "ounce oz": (Fraction("0.028349523125"), "kg"), "second sec 秒 秒钟": (1, "s"), "minute min 分钟": (60, "s"),
    "hour hr h 小时 时": (3600, "s"), "day 天 日": (86_400, "s"), "week 周 星期": (604_800, "s"),
    "month 个月 月": (1, "month"), "year yr 年": (12, "month"), "millisecond 毫秒": (Fraction(1, 1000), "s"),
    "liter litre 升": (Fraction(1, 1000), "m3"), "milliliter millilitre 毫升 cc": (Fraction(1, 10**6), "m3"),
    "gallon gal": (Fraction("0.003785411784"), "m3"), "hectare ha 公顷": (10_000, "m2"), "acre": (Fraction("4046.8564224"), "m2"),
    "亩": (Fraction(2000, 3), "m2"), "newton 牛 牛顿": (1, "kg m s-2"), "joule 焦 焦耳": (1, "kg m2 s-2"),
    "kilojoule 千焦": (1000, "kg m2 s-2"), "watt 瓦 瓦特": (1, "kg m2 s-3"), "kilowatt 千瓦": (1000, "kg m2 s-3"),
    "kWh 千瓦时": (3_600_000, "kg m2 s-2"), "pascal 帕 帕斯卡": (1, "kg m-1 s-2"), "atm 标准大气压": (101_325, "kg m-1 s-2"),
    "volt 伏 伏特": (1, "kg m2 s-3 A-1"), "ampere amp 安 安培": (1, "A"), "milliamp 毫安": (Fraction(1, 1000), "A"),
    "ohm 欧 欧姆": (1, "kg m2 s-3 A-2"), "coulomb 库仑 库": (1, "A s"), "farad 法拉": (1, "kg-1 m-2 s4 A2"),
    "tesla 特斯拉": (1, "kg s-2 A-1"), "hertz 赫兹 赫": (1, "s-1"), "kelvin 开尔文": (1, "K"), "mole 摩尔": (1, "mol"),
    "knot": (Fraction(1852, 3600), "m s-1"), "mph": (Fraction("0.44704"), "m s-1"), "kph kmh": (Fraction(1000, 3600), "m s-1"),
    "rpm": (Fraction(1, 60), "rev s-1"), "rps": (1, "rev s-1"), "radian 弧度": (1, ""),
    "dollar usd USD \\$ 美元": (1, "dollar"), "cent \\cent": (Fraction(1, 100), "dollar"),
    "元 yuan ¥ RMB 人民币": (1, "yuan"), "角 毛": (Fraction(1, 10), "yuan"), "万元": (10_000, "yuan"), "亿元": (10**8, "yuan"),
    "euro € eur EUR": (1, "euro"), "£": (1, "pound sterling"), "摄氏度": (1, "celsius"), "华氏度": (1, "fahrenheit"),
    "^\\circ_C": (1, "celsius"), "^\\circ_F": (1, "fahrenheit"), "^\\circ": (1, "degree"),
    "degree deg 度": (1, "degree"), "% percent pct percentage": (Fraction(1, 100), "percent"), "\\permille ‰": (Fraction(1, 1000), "percent"),
    "bit": (1, "bit"), "byte": (8, "bit"), "Mbps": (10**6, "bit s-1"), "Kbps kbps": (1000, "bit s-1"), "Gbps": (10**9, "bit s-1"),
    "dB decibel 分贝": (1, "decibel"), "thousand": (1000, ""), "million": (10**6, ""),
    "billion": (10**9, ""), "dozen": (12, ""), "trillion": (10**12, ""),
}  # fmt: skip
_PLURALS = {"inch": "inches", "foot": "feet", "feet": "feet", "hertz": "hertz"}


def _dimension(text: str) -> dict[str, Fraction]:
    found = {}
    for part in re.findall(r"([a-zA-Z ]+?)(-?\d+)?(?:\s|$)", text) if text else []:
        found[part[0].strip()] = Fraction(part[1] or 1)
    return found


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[Fraction, dict]]:
    table = {}
    for symbol, (factor, dimension, prefixes) in _SYMBOLS.items():
        table[symbol] = (Fraction(factor), _dimension(dimension))
        for prefix in prefixes.split():
            name = f"{prefix} {symbol}" if prefix.startswith("\\") else prefix + symbol
            table[name] = (
                Fraction(factor) * Fraction(10) ** _PREFIXES[prefix],
                _dimension(dimension),
            )
    for names, (factor, dimension) in _NAMES.items():
        for word in (name.replace("_", " ") for name in names.split()):
            table[word] = (Fraction(factor), _dimension(dimension))
            if word.isascii() and word.isalpha() and len(word) > 2:
                table[_PLURALS.get(word, word + "s")] = table[word]
                table[word.capitalize()] = table[word]
                table[_PLURALS.get(word, word + "s").capitalize()] = table[word]
    table["\\mu m"] = table["um"]
    return table


@lru_cache(maxsize=1)
def _unit_at_end() -> re.Pattern:
    names = sorted(_table(), key=len, reverse=True)
    atom = "|".join(re.escape(name).replace(r"\ ", r"\s*") for name in names)
    power = r"(?:\s*\^\s*(?:\{\s*[+-]?\d+\s*\}|[+-]?\d)|(?<=m)[23])?"
    modifier = r"(?:(?:square|cubic|sq\.?|cu\.?|平方|立方)\s*)?"
    one = rf"{modifier}(?:{atom})(?![a-zA-Z]){power}"
    joint = r"\s*(?:/|\\cdot|\\times|\*|\.|-|\s|每|\bper\b)\s*"
    return re.compile(
        rf"(?:per\s+)?{one}(?:{joint}(?:\(\s*{one}(?:{joint}{one})*\s*\)|{one}))*\.?$"
    )


_ATOM = re.compile(
    r"\s*(?P<op>/|\\cdot|\\times|\*|每|per\b|\(|\)|-|\.)|\s*(?P<mod>square|cubic|sq\.?|cu\.?|平方|立方)?\s*"
)


@lru_cache(maxsize=16_384)
def split_unit(text: str) -> tuple[str, Unit | None, bool]:
    """Split a normalised text into its number part and its trailing unit.

    Returns the number part, the unit or None, and whether the unit was glued to a letter-free
    number without a blank (`3m`), in which case it might be a variable.
    """
    currency = re.match(r"(-?)\s*(\\\$|¥|£|€|USD|RMB)\s*(?=[\d.(\\-])", text)
    if currency:
        factor, dimension = _table()[currency.group(2)]
        rest = (currency.group(1) + text[currency.end() :]).strip()
        scale = re.search(r"\s*(million|billion|thousand|万|亿)$", rest)
        times = {"million": 10**6, "billion": 10**9, "thousand": 1000, "万": 10**4, "亿": 10**8}
        if scale:
            rest = rest[: scale.start()]
            factor *= times[scale.group(1)]
        return rest, Unit(factor, tuple(dimension.items()), currency.group(2)), False
    if not text or text[-1].isdigit() and "^" not in text[-6:] and text[-1] not in "23":
        return text, None, False
    for match in _candidates(text):
        head = text[: match.start()]
        unit = parse_unit(match.group())
        stripped = head.rstrip(" \\*~")
        if unit is None or not stripped or stripped[-1] in "+-*/^_=<>(,{":
            continue
        if head[-1:].isalpha() and head[-1:].isascii() and match.group()[0].isascii():
            continue
        glued = head == stripped and match.group()[0].isalpha() and match.group().isascii()
        return stripped, unit, glued
    return text, None, False


def _candidates(text: str):
    """Yield trailing matches, the longest first."""
    tail = max(0, len(text) - 60)
    pattern = _unit_at_end()
    at = tail
    while at < len(text):
        if text[at].isdigit() or text[at] in " .)}":
            at += 1
            continue
        match = pattern.match(text, at)
        if match:
            yield match
        at += 1


@lru_cache(maxsize=4_096)
def parse_unit(text: str) -> Unit | None:
    """Return the unit that a text names, or None."""
    table = _table()
    factor = Fraction(1)
    dimension: dict[str, Fraction] = {}
    names = _name_pattern()
    at, sign, in_bracket = 0, 1, False
    text = text.rstrip(".").strip()
    while at < len(text):
        step = _ATOM.match(text, at)
        if step and step.group("op"):
            operator = step.group("op")
            if operator in ("/", "每", "per"):
                sign = -1
            elif operator == "(":
                in_bracket = True
            elif operator == ")":
                in_bracket, sign = False, 1
            at = step.end()
            continue
        modifier = step.group("mod") if step else None
        match = names.match(text, step.end() if step else at)
        if not match:
            return None
        exponent = 1
        if modifier:
            exponent = 3 if modifier.startswith(("cu", "立")) else 2
        written = match.group("exponent")
        if written:
            exponent = int(re.sub(r"[\s{}^+]", "", written))
        part_factor, part_dimension = table[re.sub(r"\s+", " ", match.group("name"))]
        factor *= part_factor ** (sign * exponent)
        for base, power in part_dimension.items():
            dimension[base] = dimension.get(base, Fraction(0)) + sign * exponent * power
        at = match.end()
        if not in_bracket and sign == -1 and "/" not in text[at : at + 3]:
            sign = 1 if re.match(r"\s*(?:\\cdot|\*)", text[at:]) else sign
    pairs = tuple(sorted((base, power) for base, power in dimension.items() if power))
    return Unit(factor, pairs, text)


@lru_cache(maxsize=1)
def _name_pattern() -> re.Pattern:
    names = sorted(_table(), key=len, reverse=True)
    atom = "|".join(re.escape(name).replace(r"\ ", r"\s*") for name in names)
    return re.compile(
        rf"(?P<name>{atom})(?![a-zA-Z])(?P<exponent>\s*\^\s*(?:\{{\s*[+-]?\d+\s*\}}|[+-]?\d)|(?<=m)[23])?"
    )
