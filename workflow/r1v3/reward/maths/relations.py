r"""Reads equations and inequalities: labels (`x = 5`), values, intervals, equivalent relations."""

import re
from collections.abc import Sequence

from r1v3.reward.maths.expression import parse_expression, variables_of
from r1v3.reward.maths.numbers import parse_number
from r1v3.reward.maths.numeric import (
    TooLarge,
    Undefined,
    as_complex,
    proportional,
    solves,
    value_of,
)
from r1v3.reward.maths.quantity import read_quantity
from r1v3.reward.maths.reader import Tree
from r1v3.reward.maths.shape import Shape, shape_of
from r1v3.reward.text.normalize import squeeze
from r1v3.reward.text.vocabulary import denies

ORDER = {"<", "<=", ">", ">="}
MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_LABEL = re.compile(r"(?!\d)[^+\-*/^=<>%]{1,40}")
_SCRIPTS = re.compile(r"_\s*(?:\{[^{}]*\}|\\?[A-Za-z0-9]+)|(?<=[A-Za-z])'+")


def distinct(items: Sequence[Shape]) -> list[Shape]:
    """Return the items without duplicates."""
    return list({squeeze(item.text): item for item in items}.values())


def value_of_relation(shape: Shape) -> Shape | None:
    """Return the value of a labelled value: `x = 5`, `f(2) = 1 + 1 = 2`, `x \\in (0, 1)`."""
    operators: tuple[str, ...] = shape.operators
    if "in" in operators and len(operators) == 1:
        return shape.items[1]
    if any(operator not in ("=", "~") for operator in operators):
        return None
    exact = len(operators) if "~" not in operators else operators.index("~")
    sides = list(shape.items[: exact + 1] if exact else shape.items)
    first, last = sides[0].text, sides[-1]
    if len(sides) > 2:
        computed = all(is_constant(side.text) for side in sides)
        middle = [parse_number(side.text) for side in sides[1:-1]]
        if computed or (parse_number(last.text) is not None and None not in middle):
            checked = sides if computed else sides[1:]  # x = 15 = 12 has no value
            return last if all(_holds(side.text, last.text) for side in checked) else None
        return last
    if is_label(first) or (
        is_constant(first) and is_constant(last.text) and _holds(first, last.text)
    ):
        return last
    if is_label(last.text) and re.fullmatch(r"[a-zA-Z](?:_\{?\w\}?)?", last.text.replace(" ", "")):
        return sides[0]
    return None


def exact_before_rounded(shape: Shape) -> Shape | None:
    r"""Return the exact value of `\sqrt{3} \approx 1.732`, if the rounded value agrees with it."""
    if shape.kind != "relation" or shape.operators != ("~",):
        return None
    exact, rounded = shape.items
    agrees = parse_number(rounded.text) is not None and is_constant(exact.text)
    return exact if agrees and _holds(exact.text, rounded.text) else None


# The modulus of a real unknown, which has two solutions (|z| is a length), and a logarithm.
_OF_UNKNOWN = re.compile(r"\|\s*[a-xy]\s*\||\\(?:log|ln|lg|exp)(?![a-z]).*")


def is_label(text: str) -> bool:
    """Return whether the left side of an equation is a name (`x`, `f(x)`, `|AB|`, `(p,q)`, `面积`)."""
    if denies(text) or _OF_UNKNOWN.fullmatch(text.strip()):
        return False
    text = _SCRIPTS.sub("", text)
    if r"\frac" in text:
        return bool(re.fullmatch(r"[A-Za-z{}\\_\s|]+", text))
    return bool(_LABEL.fullmatch(text)) and not re.search(r"\d\s*[a-zA-Z]|\\sqrt", text)


_OF_LETTER = re.compile(r"\\(?:sin|cos|tan|cot|ln|log)\s*\d*\s*[A-Za-z]")  # no ampere in \sin 2A


def is_constant(text: str) -> bool:
    """Return whether the text is a computation without unknowns, as in `2 + 3 = 5`."""
    tree = None if _OF_LETTER.search(text) else read_quantity(text).tree
    return tree is not None and not variables_of(tree)


_MULTIPLE = re.compile(
    r"[-+]?\d[\d.]*\s*[A-Za-z]"
)  # 2m = 12 is read as an equation, not as two metres


def _holds(left: str, right: str) -> bool:
    """Return whether a computation is correct: `2 + 3 = 5` is, `15 = 12` is not."""
    one, other = read_quantity(left), read_quantity(right)
    try:
        x = as_complex(value_of(("mul", ("num", one.factor), one.number)))
        y = as_complex(value_of(("mul", ("num", other.factor), other.number)))
    except (Undefined, TooLarge):
        return False
    if abs(x - y) <= 0.01 * max(abs(x), abs(y)):
        return True
    return one.dimension != other.dimension and not _MULTIPLE.fullmatch(left)


def label_of(shape: Shape) -> str | None:
    """Return the label of `x = ...` without blanks; None if there is none."""
    if shape.kind == "relation" and shape.operators[:1] == ("=",) and is_label(shape.items[0].text):
        return re.sub(r"[\s{}]", "", shape.items[0].text)
    return None


def by_label(
    a_items: Sequence[Shape], g_items: Sequence[Shape]
) -> list[tuple[Shape, Shape]] | None:
    """Pair the items of `x = 1, y = 2` and `y = 2, x = 1` by name; None if that is not possible."""
    a_labels = [label_of(item) for item in a_items]
    g_labels = [label_of(item) for item in g_items]
    if None in a_labels or None in g_labels or len(set(g_labels)) < len(g_labels):
        return None
    if set(a_labels) != set(g_labels) or are_numbered_roots(g_items):
        return None
    return [(a_items[a_labels.index(label)], g) for label, g in zip(g_labels, g_items, strict=True)]


def named_apart(items: Sequence[Shape]) -> bool:
    """Return whether each item has its own name, which fixes its place: `minimum: 1, maximum: 3`."""
    labels = [label_of(item) for item in items]
    return (
        len(labels) > 1
        and None not in labels
        and len(set(labels)) == len(labels)
        and not are_numbered_roots(items)
    )


def are_numbered_roots(items: Sequence[Shape]) -> bool:
    """Return whether the items are roots in any order: `x_1 = ..., x_2 = ...`."""
    labels = [label_of(item) for item in items]
    bases = {re.sub(r"_?\d$", "", label) for label in labels if label}
    return None not in labels and len(bases) == 1 and all(re.search(r"\d$", x) for x in labels if x)


def same_variable(a: Shape, g: Shape) -> bool:
    """Return whether two labelled values belong to the same variable.

    Single letters and words for the largest and smallest value decide.
    """
    names = [re.sub(r"\s", "", _subject(shape)) for shape in (a, g)]
    ends = [_end_of(name) for name in names]
    if None not in ends and ends[0] != ends[1]:
        return False
    if not (label_of(a) and label_of(g)):
        single = all(re.fullmatch(r"[a-zA-Z]", name) for name in names)
        return not single or names[0] == names[1]
    one, other = (_name(name) for name in names)
    if one == other or (
        len(one) > 1 and one.casefold() == other.casefold() and (one.isalpha() or not one.isascii())
    ):
        return True
    if "y" in (one, other) and all(
        _OF_VARIABLE.fullmatch(name) or name == "y" for name in (one, other)
    ):
        return True  # y = 2x equals f(x) = 2x
    words = [bool(_WORDED.search(name)) for name in (one, other)]
    return words[0] != words[1]  # a word may stand for a symbol: 面积 for S; two symbols differ


def _subject(shape: Shape) -> str:
    """Return the subject of a relation: the name before an equals sign, or the unknown of an inequality."""
    if set(shape.operators) <= ORDER | {"!="}:
        unknown = [item.text for item in shape.items if _is_unknown(item.text)]
        if len(unknown) == 1:
            return unknown[0]
    return shape.items[0].text


_OF_VARIABLE = re.compile(r"[a-zA-Z]\([a-zA-Z]\)")
_WORDED = re.compile(r"[\u4e00-\u9fff]|(?<![a-zA-Z\\])[a-zA-Z]{4,}")

_LENGTH = re.compile(r"\|([A-Z]{2})\||\\overline([A-Z]{2})|([A-Z]{2})")


def _name(label: str) -> str:
    """Return a label without braces and without the marks of a length or an angle: `|AB|`, `angle A`."""
    directed = re.search(r"\\vec\{?[A-Z]{2}", label)
    label = re.sub(r"[{}]|\\(?:angle|vec)(?![a-z])", "", label)
    if directed:
        return label
    length = _LENGTH.fullmatch(label)
    return "".join(sorted(next(ends for ends in length.groups() if ends))) if length else label


def _end_of(name: str) -> str | None:
    """Return the end of a range that a label names ("largest" or "smallest"); None for other labels."""
    if re.search(r"(?<![a-z])max|最[大高长多]", name, re.IGNORECASE):
        return "largest"
    return "smallest" if re.search(r"(?<![a-z])min|最[小低短少]", name, re.IGNORECASE) else None


def same_relation(a: Shape, g: Shape) -> bool | None:
    """Compare two equations or inequalities: the differences of their sides must be proportional."""
    trees = []
    for shape in (a, g):
        left, right = (parse_expression(side.text) for side in shape.items)
        if left is None or right is None:
            return False
        trees.append(("add", left, ("neg", right)))
    sign = proportional(*trees)
    if not sign:
        return _same_explicit(a, g, trees)
    operators = (a.operators[0], g.operators[0])
    if operators[0] in ("=", "!=", "~"):
        return operators[0] == operators[1]
    return (operators[0] if sign > 0 else MIRROR[operators[0]]) == operators[1]


def _same_explicit(a: Shape, g: Shape, trees: list[Tree]) -> bool:
    """Compare `y = 6/x` with `xy = 6`: one solves the other, which is linear in y."""
    for shape, other in ((a, trees[1]), (g, trees[0])):
        name, value = (parse_expression(side.text) for side in shape.items)
        if name is None or value is None:
            continue
        if shape.operators == ("=",) and name[0] == "var" and name[1] not in variables_of(value):
            return {a.operators, g.operators} == {("=",)} and solves(name[1], value, other)
    return False


def interval_of(shape: Shape) -> Shape | None:
    """Return the interval that `a < x <= b`, `x > a` or `|x| < a` describes, or None."""
    if shape.operators == ("!=",) and _is_unknown(shape.items[0].text):
        point = shape.items[1].text
        return shape_of(rf"(-\infty,{point})\cup ({point},\infty)")
    if not shape.operators or any(operator not in ORDER for operator in shape.operators):
        return None
    sides, operators = [item.text for item in shape.items], list(shape.operators)
    if operators[0] in (">", ">="):
        sides, operators = sides[::-1], [MIRROR[operator] for operator in operators[::-1]]
    if any(operator not in ("<", "<=") for operator in operators) or len(sides) > 3:
        return None
    kinds = [_is_unknown(side) for side in sides]
    if kinds.count(True) != 1:
        return None
    at = kinds.index(True)
    if len(sides) == 3 and at != 1:
        return None
    low = sides[at - 1] if at else r"-\infty"
    high = sides[at + 1] if at + 1 < len(sides) else r"\infty"
    closed_low = bool(at) and operators[at - 1] == "<="
    closed_high = at + 1 < len(sides) and operators[at] == "<="
    ends = ("[" if closed_low else "(", "]" if closed_high else ")")
    inside = re.fullmatch(r"\|\s*([a-zA-Z])\s*\|", sides[at])
    if inside:
        return _of_modulus(low, high, ends)
    return shape_of(f"{ends[0]}{low},{high}{ends[1]}")


def _of_modulus(low: str, high: str, ends: tuple[str, str]) -> Shape:
    mirrored = {"(": ")", "[": "]", ")": "(", "]": "["}
    negative = f"{mirrored[ends[1]]}-({high}),-({low}){mirrored[ends[0]]}".replace(
        r"-(\infty)", r"-\infty"
    )
    if low == r"-\infty":
        return shape_of(f"{mirrored[ends[1]]}-({high}),{high}{ends[1]}")
    return shape_of(rf"{negative}\cup {ends[0]}{low},{high}{ends[1]}")


def _is_unknown(text: str) -> bool:
    tree = parse_expression(text)
    if tree is None:
        return False
    return tree[0] in ("var", "call") or (tree[0] == "abs" and tree[1][0] == "var")
