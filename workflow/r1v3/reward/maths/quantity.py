r"""Compares two leaves: numbers, expressions, quantities with units, plain words.

The result is True, False, or None if a leaf is not understood. Then algebra may decide.
"""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from r1v3.reward.maths.chinese_numerals import in_digits
from r1v3.reward.maths.english_numerals import english_in_digits, without_ordinal
from r1v3.reward.maths.expression import parse_expression, variables_of
from r1v3.reward.maths.numbers import parse_number
from r1v3.reward.maths.numeric import TooLarge, Undefined, as_complex, close, same_value, value_of
from r1v3.reward.maths.reader import Tree
from r1v3.reward.maths.units import Dimension, Unit, kelvins, parse_unit, split_unit
from r1v3.reward.text.normalize import fold_case, squeeze
from r1v3.reward.text.vocabulary import counts_another, is_counted
from r1v3.reward.text.yes_no import yes_or_no, yes_or_no_if_asked

# A decimal answer to an exact gold counts if it has at least this many significant digits.
SIGNIFICANT = 6
ANGLE = (("degree", Fraction(1)),)
PERCENT = (("percent", Fraction(1)),)
_DEGREE = ("const", "degree")

_COUNTER = re.compile(
    r"(?P<number>[-+]?[\d.,/ ]*\d|[-+]?\\[a-z]+[\d{}\\a-z^+\-*/ .]*[\d}])\s*"
    r"(?P<word>[\u4e00-\u9fff]+|[A-Za-z][a-z]{2,}(?:\s+[a-z]+){0,3})"
)
# A unit or counter in brackets after its number: `12 (cm)`, `12（个）`.
_ANGLE_AND_UNIT = re.compile(r"\^\s*(?:\\circ|\{\s*\\circ\s*\})\s+(?=[A-Za-z])")
_TRIG = re.compile(r"(?<!arc)(?:sin|cos|tan|cot|sec|csc)(?![a-z])")
_BRACKETED = re.compile(r"(?P<number>.*[\d}])\s*[(\[]\s*(?P<word>[^()\[\]+*=-]{1,24})\s*[)\]]")
_UNIT_FRACTION = re.compile(  # 40 \frac{km}{h}
    r"\A([-+]?\d[\d.,]*)\s*\\frac\s*\{\s*([A-Za-z]+)\s*\}\s*\{\s*([A-Za-z]+(?:\^\{?2\}?)?)\s*\}\Z"
)
_LED = re.compile(
    r"(?:一?共|约为?|大约|about|approximately|around|只有|有|\\approx)\s*(?=[\d\\-])|第\s*(?=\d+$)"
)
_PAIR = re.compile(r"(\d+(?:\.\d+)?)\s*(\^\\circ|''|'|[^\d.\s,]{1,12}?)\s*(?=\d|$)")


@dataclass(frozen=True)
class Quantity:
    """A parsed leaf: the tree of its number (None if not understood), its unit, and how it was written."""

    tree: Tree | None
    unit: Unit | None
    decimals: int | None  # number of decimals of a plain decimal number
    significant: int  # number of digits of a plain number, 0 for other expressions
    counted: str = ""  # the counted things, such as `students` in `12 students`

    @property
    def number(self) -> Tree:
        """Return the tree of a leaf that was understood."""
        assert self.tree is not None
        return self.tree

    @property
    def factor(self) -> Fraction:
        """Return the unit's factor to base units; 1 without a unit."""
        return self.unit.factor if self.unit else Fraction(1)

    @property
    def dimension(self) -> Dimension:
        """Return the dimension of the unit; () without a unit."""
        return self.unit.dimension if self.unit else ()


@lru_cache(maxsize=32_768)
def read_quantity(text: str) -> Quantity:
    """Parse a normalised leaf."""
    text = without_ordinal(_measured_in_digits(english_in_digits(in_digits(text))))
    text = _LED.sub("", text.strip(), count=1).lstrip("+")
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed and _is_measure(bracketed.group("word")):
        text = f"{bracketed.group('number')} {bracketed.group('word').strip()}"
    number = parse_number(text)
    if number is not None:
        return _quantity(("num", number), None, text)
    compound = _compound(text)
    if compound:
        return compound
    text = _UNIT_FRACTION.sub(r"\1 \2/\3", text)
    head, unit, glued = split_unit(text)
    number = parse_number(head)
    if number is not None:
        return _quantity(("num", number), unit, head)
    if unit is not None and _ANGLE_AND_UNIT.match(unit.name) and _TRIG.search(head):
        head, unit = head + r"^\circ", parse_unit(_ANGLE_AND_UNIT.sub("", unit.name))
    tree = parse_expression(head)
    if unit is not None and unit.dimension == ANGLE and _TRIG.search(head):
        # The degree sign belongs to the argument of the function, not to the whole: \sin 30^\circ
        return _quantity(
            parse_expression(text if "circ" in unit.name else head + r"^\circ"), None, text
        )
    if tree is None and unit is not None and parse_expression(text) is not None:
        return _quantity(parse_expression(text), None, text)
    if tree is None and unit is None:
        counted = _COUNTER.fullmatch(text)
        if counted and is_counted(counted.group("word")):
            inner = counted.group("number")
            number = parse_number(inner)
            tree = ("num", number) if number is not None else parse_expression(inner)
            return replace(_quantity(tree, None, inner), counted=counted.group("word"))
    if unit is not None and tree is not None and glued and variables_of(tree):
        return _quantity(parse_expression(text), None, text)
    return _quantity(tree, unit, head)


def _measured_in_digits(text: str) -> str:
    """Return `seven squares` and `six cm` with the number in digits; other texts unchanged."""
    number, _, word = text.rpartition(" ")
    if not number[:1].isalpha() or not _is_measure(word):
        return text
    digits = english_in_digits(number)
    return f"{digits} {word}" if digits[-1:].isdigit() else text


def _is_measure(word: str) -> bool:
    return is_counted(word) or parse_unit(word) is not None


def _quantity(tree: Tree | None, unit: Unit | None, text: str) -> Quantity:
    plain = re.fullmatch(r"[+-]?([\d,]*)(?:\.(\d*))?", text.strip())
    if not plain or tree is None:
        return Quantity(tree, unit, None, 0)
    digits = (plain.group(1) + (plain.group(2) or "")).replace(",", "").lstrip("0")
    return Quantity(tree, unit, len(plain.group(2) or ""), len(digits))


def _compound(text: str) -> Quantity | None:
    r"""Parse `2小时30分`, `5 m 20 cm` or `30^\circ 15'` as one quantity in base units."""
    pairs = _PAIR.findall(text) if len(text) < 60 else []
    if len(pairs) < 2 or re.sub(r"[\s,]", "", _PAIR.sub("", text)):
        return None
    total = Fraction(0)
    dimension: Dimension | None = None
    for number, name in pairs:
        if name in ("'", "''"):
            unit = Unit(Fraction(1, 60 if name == "'" else 3600), ANGLE, name)
        else:
            unit = parse_unit("分钟" if name == "分" else name)
        if unit is None or (dimension is not None and unit.dimension != dimension):
            return None
        dimension = unit.dimension
        total += Fraction(number) * unit.factor
    assert dimension is not None  # there are at least two pairs
    return Quantity(("num", total), Unit(Fraction(1), dimension, text), None, 0)


def same_string(answer: str, gold: str) -> bool:
    """Return whether two normalised texts are equal, except for blanks and the case of words.

    The case of a unit's symbol counts if it makes another unit: 5 mg is not 5 Mg.
    """
    if squeeze(answer) != squeeze(gold):
        return _unit_in_other_case(answer, gold)
    if answer == gold or answer.replace(" ", "") == gold.replace(" ", ""):
        return True
    a, g = split_unit(answer)[1], split_unit(gold)[1]
    return not (a and g) or (a.factor, a.dimension) == (g.factor, g.dimension)


def _unit_in_other_case(answer: str, gold: str) -> bool:
    """Return whether two texts are one number and one unit, once in capitals that name no unit: `5 KG`."""
    one, other = _NUMBER_AND_LETTERS.fullmatch(answer), _NUMBER_AND_LETTERS.fullmatch(gold)
    if not one or not other or one.group(1) != other.group(1):
        return False
    units = [parse_unit(found.group(2)) for found in (one, other)]
    return one.group(2).casefold() == other.group(2).casefold() and units.count(None) == 1


_NUMBER_AND_LETTERS = re.compile(r"([-+]?\d[\d.,]*)\s*([A-Za-z]{1,4})")


def same_leaf(
    answer: str, gold: str, tolerance: float | None = None, percent_asked: bool | None = None
) -> bool | None:
    """Return whether two normalised leaves are equal; None if that cannot be decided."""
    answer, gold = (english_in_digits(in_digits(text)) for text in (answer, gold))
    places = [without_ordinal(text) for text in (answer, gold)]
    if places[0].isdigit() and places[1].isdigit():
        answer, gold = places
    if date_of(answer) or date_of(gold):
        return date_of(answer) == date_of(gold)
    if is_letter_word(answer) or is_letter_word(gold):
        return same_words(answer, gold)
    if same_string(answer.lstrip("+"), gold.lstrip("+")):
        return True
    if _SCRIPTS.sub("", answer) == _SCRIPTS.sub("", gold) and all(
        map(_FORMULA.fullmatch, (answer, gold))
    ):
        return True
    if r"\begin" in answer + gold:
        return None
    if _PLAIN_WORDS.fullmatch(answer) and _PLAIN_WORDS.fullmatch(gold):
        return same_words(answer, gold)
    a, g = read_quantity(answer), read_quantity(gold)
    endless = [infinity_of(text) for text in (answer, gold)]
    if any(endless):
        return endless[0] == endless[1]
    if a.tree is None or g.tree is None:
        return same_words(answer, gold)
    return same_quantity(a, g, tolerance, percent_asked)


_DATE = re.compile(
    r"([12]\d{3})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    r"|(\d{1,2})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*([12]\d{3})"
)


def date_of(text: str) -> tuple[int, ...]:
    """Return the numbers of a date in written order: (2023, 5, 6) for `2023-05-06`; () for other texts."""
    found = _DATE.fullmatch(text)
    return tuple(int(part) for part in found.groups() if part) if found else ()


# A substance: H_2O, CO_2. In a product of numbered letters (F_1F_2) every letter has a number.
_SUBSTANCE = re.compile(r"(?=.*_)(?=.*[A-Z](?!_|[a-z]_))(?:[A-Z][a-z]?(?:_\{?\d+\}?)?){2,}")


# A chemical formula. Its numbers and charge may be subscripts, superscripts or in line: Fe_2O_3, Fe2O3,
# SO4^{2-}.
_FORMULA = re.compile(
    r"(?=.*[A-Z].*[A-Z+-])\d*(?:[A-Z][a-z]?(?:_?\{?\d+\}?)?|[()](?:_?\{?\d\}?)?)+(?:\^?\{?\d*[+-]\}?)?"
)
_SCRIPTS = re.compile(r"[\^_{}]")


_ROUTE = re.compile(r"[A-Z](?:\s*-\s*[A-Z]){2,}")  # a route from A through C to B


def is_letter_word(text: str) -> bool:
    """Return whether letters are a word (`AAS`, `dog`), whose order counts, and no product (`xy`, `ab`)."""
    if _SUBSTANCE.fullmatch(text) or _ROUTE.fullmatch(text):
        return True
    if not (text.isascii() and text.isalpha() and len(text) > 1):
        return False
    vowels = set(text.casefold()) & set("aeiou")
    product = text.islower() and (
        vowels <= {"a"} if len(text) == 2 else not vowels and len(text) == 3
    )
    return not product and text not in ("pi", "oo")


def infinity_of(text: str) -> int:
    """Return 1 or -1 for plus or minus infinity, 0 for anything else."""
    bare = text.replace(" ", "").lstrip("+")
    return {r"\infty": 1, r"-\infty": -1}.get(bare, 0)


def same_quantity(
    a: Quantity, g: Quantity, tolerance: float | None, percent_asked: bool | None = None
) -> bool | None:
    """Compare two quantities; convert units if both have one."""
    if a.unit and g.unit:
        if a.unit.dimension == g.unit.dimension:
            if a.unit.factor == g.unit.factor:
                return same_number(a, g, a.number, g.number, tolerance)
            left, right = _scaled(a), _scaled(g)
            return same_number(a, g, left, right, None)
        return _temperatures(a, g, tolerance) or _across(a, g, tolerance)
    if not a.unit and not g.unit:
        if counts_another(a.counted, g.counted):
            return False
        return same_number(a, g, a.number, g.number, tolerance)
    return _one_unit(a, g, tolerance, percent_asked)


def _temperatures(a: Quantity, g: Quantity, tolerance: float | None) -> bool:
    """Compare temperatures on two scales; False if one of the quantities is no temperature."""
    for factor_a, zero_a in kelvins(a.unit) if a.unit else ():
        for factor_g, zero_g in kelvins(g.unit) if g.unit else ():
            left = ("add", _times(a.number, factor_a), ("num", zero_a))
            right = ("add", _times(g.number, factor_g), ("num", zero_g))
            if same_number(a, g, left, right, tolerance):
                return True
    return False


def _one_unit(
    a: Quantity, g: Quantity, tolerance: float | None, percent_asked: bool | None
) -> bool | None:
    """Compare two quantities of which only one has a unit.

    A missing unit is accepted. A wrong scale is not, nor is another thing: 12 dogs are not 12 cm.
    """
    if a.counted or g.counted:
        return False
    unit = a.unit or g.unit
    assert unit is not None
    written_alike = same_number(a, g, a.number, g.number, tolerance)
    if not unit.dimension:
        return same_number(a, g, _scaled(a), _scaled(g), tolerance)
    if unit.dimension == PERCENT:
        return _percent(a, g, tolerance, percent_asked)
    if unit.dimension == ANGLE:
        left_out = g.unit is not None or _may_be_degrees(g.number)
        return (written_alike and left_out) or _across(a, g, tolerance)
    if not written_alike and set(unit.name) - {"/"} <= _names_of(a, g):
        named = parse_expression(unit.name)  # 2mg is not 2 milligrams with variables m and g
        sides = (("mul", side.number, named) if side.unit else side.number for side in (a, g))
        return same_value(*sides) if named else None
    return written_alike


def _may_be_degrees(tree: Tree) -> bool:
    """Return whether a bare number may be one of degrees: 45 may, the root of 3 may not."""
    try:
        return bool(variables_of(tree)) or isinstance(value_of(tree), Fraction)
    except (Undefined, TooLarge):
        return False


def _percent(a: Quantity, g: Quantity, tolerance: float | None, asked: bool | None) -> bool | None:
    """Compare two quantities of which one has a percent sign: 28% is 0.28, or 28 with the sign left out.

    The sign cannot be left out for a percentage below 1, or if the question did not ask for percent.
    """
    across = _across(a, g, tolerance)
    if across or a.tree is None or g.tree is None:
        return across
    try:
        size, gold_size = (abs(as_complex(value_of(side.number))) for side in (a, g))
        share, wanted = (as_complex(value_of(_scaled(side))) for side in (a, g))
    except (Undefined, TooLarge, KeyError):
        return across
    # A percentage may be rounded if the question asked for one.
    rounded = g if g.unit else a if asked else None
    exact = a if rounded is g else g
    if (
        rounded
        and rounded.decimals
        and rounded.significant >= 3
        and exact.significant == 0
        and abs(share - wanted) <= 0.5 * 10.0 ** -(rounded.decimals + 2) * (1 + 1e-9)
    ):
        return True
    per_mille = any(side.unit and side.factor != Fraction(1, 100) for side in (a, g))
    if min(size, gold_size) < 1 or per_mille or (asked is False and a.unit is not None):
        return across
    return same_number(a, g, a.number, g.number, tolerance)


def _names_of(a: Quantity, g: Quantity) -> frozenset[str]:
    return variables_of(a.number) | variables_of(g.number)


def _across(a: Quantity, g: Quantity, tolerance: float | None) -> bool | None:
    """Compare degrees with radians and percent with plain numbers. Other pairs of dimensions never match."""
    measured = {a.dimension, g.dimension}
    if not measured <= {ANGLE, PERCENT, ()} or measured == {ANGLE, PERCENT}:
        return False
    return same_number(a, g, _in_radians(a), _in_radians(g), None)


def _scaled(quantity: Quantity) -> Tree:
    """Return the tree of a quantity in base units."""
    return _times(quantity.number, quantity.factor)


def _in_radians(quantity: Quantity) -> Tree:
    """Return the tree of an angle in radians, of anything else in base units."""
    scaled = _scaled(quantity)
    return ("mul", scaled, _DEGREE) if quantity.dimension == ANGLE else scaled


def _times(tree: Tree, factor: Fraction) -> Tree:
    return tree if factor == 1 else ("mul", ("num", factor), tree)


def same_number(
    a: Quantity, g: Quantity, left: Tree, right: Tree, tolerance: float | None
) -> bool | None:
    """Compare two trees: exactly, within the tolerance, or within the rounding that the notation implies."""
    equal = same_value(left, right)
    if equal or variables_of(left) or variables_of(right):
        return equal
    try:
        x, y = as_complex(value_of(left)), as_complex(value_of(right))
    except (Undefined, TooLarge):
        return equal
    if tolerance is not None:
        return abs(x - y) <= tolerance * (1 + 1e-9)
    unscaled = left is a.tree and right is g.tree
    if equal is False and unscaled and _rounds(a, g, x, y):
        return True
    return equal


def _rounds(a: Quantity, g: Quantity, x: complex, y: complex) -> bool:
    """Return whether one value is the rounded other: an exact answer to a decimal gold, or many digits."""
    if abs(x.imag) + abs(y.imag) > 0 or (a.unit and g.unit and a.unit.factor != g.unit.factor):
        return False
    if g.decimals and a.significant == 0 and (g.decimals >= 2 or g.significant >= 3):
        return abs(x.real - y.real) <= 0.5 * 10.0**-g.decimals * (1 + 1e-9)
    if a.decimals and g.significant == 0 and a.significant >= SIGNIFICANT:
        short = (y.real - x.real) * (1 if y.real >= 0 else -1)  # rounded or cut off
        return abs(short) <= 0.5 * 10.0**-a.decimals * (1 + 1e-9) or 0 <= short < 10.0**-a.decimals
    return False


_SIGN = re.compile(r"\\[a-z]+\s*|[^\w\\]+")  # a sign alone, as in "fill in > or <"
_MATH = re.compile(r"[=+<>^\\*/|]")
_WORD = re.compile(r"[a-zA-Z]{3}|[\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
_BRACKETS = "(){}[]\\ "
_PLAIN_WORDS = re.compile(r"(?=.*[a-zA-Z]{4})[a-zA-Z][a-zA-Z\s'\-]*|[\u4e00-\u9fff]+")
_ARTICLES = re.compile(r"\b(?:a|an|the)\s+(?=[a-z])")
_EMPTY = {
    r"\emptyset", r"\{\}", "emptyset", "空集", "无解", "无实数解", "nosolution", "norealsolution",
}  # fmt: skip


def same_words(answer: str, gold: str) -> bool | None:
    """Compare answers that are words; None if one of them looks like mathematics."""
    empty = [squeeze(text) in _EMPTY for text in (answer, gold)]
    if any(empty):
        return all(empty)
    if _SIGN.fullmatch(answer) or _SIGN.fullmatch(gold):
        return False
    if _MATH.search(answer) or _MATH.search(gold):
        prose = [bool(_WORD.search(re.sub(r"\\[a-zA-Z]+", "", t))) for t in (answer, gold)]
        return False if any(prose) else None
    if not _LETTER.search(answer + gold):  # without words, signs count: 5' is not 5
        return squeeze(answer).strip(_BRACKETS) == squeeze(gold).strip(_BRACKETS)
    return _soft(answer) == _soft(gold) != ""


# Words and signs that usually fill a blank. Each line lists synonyms.
_USUAL = {
    word: words.split()[0]
    for words in (
        "> 大于 greaterthan", "< 小于 lessthan", "= 等于 相等 equalto equals",
        "\\ge 大于等于 大于或等于 不小于",
        "\\le 小于等于 小于或等于 不大于", "\\ne 不等于", "\\parallel 平行 平行于 互相平行 // parallel",
        "\\perp 垂直 垂直于 互相垂直 perpendicular", "\\cong 全等 全等于", "\\in 属于", "\\notin 不属于",
        "增大 变大", "减小 变小", "不变 保持不变", "顺时针 顺时针方向", "逆时针 逆时针方向",
        "左 向左 左侧 左边", "右 向右 右侧 右边", "上 向上 上方", "下 向下 下方",
        "东 向东", "西 向西", "南 向南", "北 向北",
        "一 第一象限", "二 第二象限", "三 第三象限", "四 第四象限",
        "对 正确 true \\sqrt", "错 错误 false \\times",
        "充要 充要条件 充分必要 充分必要条件 充分且必要条件",
        "既不充分也不必要 既不充分也不必要条件 既非充分也非必要条件 既不充分又不必要条件",
    )
    for word in words.split()
}  # fmt: skip
_SUFFICIENT = re.compile(r"(充分|必要)[而但]?[不非](必要|充分)的?(?:条件)?")


def same_usual_words(answer: str, gold: str) -> bool:
    """Return whether two answers fill a blank with the same meaning: `大于` and `>`, `充要条件`."""
    said = yes_or_no(gold)
    if said is not None and yes_or_no_if_asked(answer) is said:
        return True
    return _in_usual_words(answer) == _in_usual_words(gold)


def _in_usual_words(text: str) -> str:
    sufficient = _SUFFICIENT.fullmatch(text)
    if sufficient:
        return f"{sufficient.group(1)}不{sufficient.group(2)}"
    return _USUAL.get(text.replace(" ", "").casefold(), text)


_BETWEEN_DIGITS = re.compile(r"(?<=\d)[^\w.,]+(?=\.?\d)|(?<=\d\.)\s+(?=\d)")


@lru_cache(maxsize=16_384)
def _soft(text: str) -> str:
    text = _ARTICLES.sub(" ", fold_case(text))
    text = _BETWEEN_DIGITS.sub("_", text)
    text = re.sub(r"(?<![\w])-(?=\d)", "minus", text)
    return re.sub(
        r"(?!(?<=\d),(?=\s*\d))[^\w\u4e00-\u9fff.]|(?<!\d)_|_(?!\.?\d)|\.(?!\d)", "", text
    )


def close_values(left: Fraction, right: Fraction, tolerance: float | None) -> bool:
    """Compare two plain numbers, within the tolerance if there is one."""
    if tolerance is None:
        return close(left, right)
    return abs(float(left) - float(right)) <= tolerance * (1 + 1e-9)
