r"""Compares two answers by structure, leaf by leaf.

`Comparison.same` returns True, False, or None if this package cannot read some leaf.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from r1v3.reward.maths.numbers import parse_number
from r1v3.reward.maths.quantity import read_quantity, same_leaf, same_string
from r1v3.reward.maths.relations import (
    MIRROR,
    ORDER,
    are_numbered_roots,
    by_label,
    distinct,
    exact_before_rounded,
    interval_of,
    label_of,
    named_apart,
    same_relation,
    same_variable,
    value_of_relation,
)
from r1v3.reward.maths.shape import NUMBERED, Shape, shape_of
from r1v3.reward.text.normalize import squeeze

_LISTS = ("list", "blanks", "either", "set", "union")
_NESTING = ("list", "either", "union")
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d(?::[0-5]\d)?)(?: ?([AP])M)?", re.IGNORECASE)
_PLUS_MINUS = re.compile(r"\\(pm|mp)(?![a-zA-Z])\s*")


@dataclass(frozen=True)
class Comparison:
    """The settings with which two answers are compared.

    Attributes:
        tolerance: absolute tolerance of numbers, or None.
        blanks_ordered: whether parts separated by semicolons are blanks in a fixed order.
        commas_ordered: whether parts separated by commas are blanks in a fixed order.
        percent_asked: whether the question mentions percent; None without a question.
    """

    tolerance: float | None = None
    blanks_ordered: bool = False
    commas_ordered: bool = False
    percent_asked: bool | None = None

    def same_text(self, answer: str, gold: str) -> bool | None:
        """Compare two normalised texts."""
        return self.same(shape_of(answer), shape_of(gold))

    def same(self, a: Shape, g: Shape) -> bool | None:
        if same_string(a.text, g.text):
            return True
        if a.kind == g.kind == "relation":
            return self._relations(a, g)
        exact = exact_before_rounded(a)
        if exact and self.same(exact, g):  # else the rounded value counts, see `plain`
            return True
        if (a.kind == "set") != (g.kind == "set") and r"\{\emptyset\}" in (
            squeeze(a.text),
            squeeze(g.text),
        ):
            return False  # the set that contains the empty set
        ordered = [x.kind == "relation" and bool(set(x.operators) & ORDER) for x in (a, g)]
        if (ordered[0] and g.kind == "list") or (ordered[1] and a.kind == "list"):
            joint = [joint_interval(x) or x for x in (a, g)]
            if "list" in (joint[0].kind, joint[1].kind):  # `-1, 3` is not `-1 < x < 3`
                return _unlike(a, g)
        if a.kind == "list" and g.kind == "union" and ordered_items(a) and _BOTH.search(a.text):
            return False  # `2 < x < 3 and x > 5` is not a union
        a, g = self.plain(a), self.plain(g)
        if (a.kind == "list") != (g.kind == "list"):
            a, g = joint_interval(a) or a, joint_interval(g) or g
        if "bracket" in (a.kind, g.kind):
            a, g = column_of(a) or a, column_of(g) or g
        a_items, g_items = flat(a), flat(g)
        if len(a_items) > 1 or len(g_items) > 1 or a.kind in _LISTS or g.kind in _LISTS:
            return self._lists(a, g, a_items, g_items)
        if a.kind == g.kind == "relation":
            return self._relations(a, g)
        if "relation" in (a.kind, g.kind):
            return _unlike(a, g)  # `2x + z = 1` is not `1`
        if a.kind == "bracket" or g.kind == "bracket":
            return self._brackets(a, g)
        if a.kind == "ratio" or g.kind == "ratio":
            return self._ratios(a, g)
        return same_leaf(a.text, g.text, self.tolerance, self.percent_asked)

    def plain(self, shape: Shape) -> Shape:
        """Remove labels (`x = `), memberships and set-builders, and turn inequalities into intervals."""
        for _ in range(4):
            if shape.kind == "builder":
                shape = shape.items[0]
            elif shape.kind == "relation":
                value = value_of_relation(shape) or without_points(shape) or interval_of(shape)
                if value is None:
                    return shape
                shape = value
            elif shape.kind == "leaf" and shape.text in (
                "R",
                "\\R",
                "all real numbers",
                "全体实数",
            ):
                return shape_of(r"(-\infty,\infty)")
            elif shape.kind == "set" and not shape.items:
                return Shape("leaf", r"\emptyset")
            elif shape.kind == "leaf" and (hole := _REALS_BUT.fullmatch(shape.text)):
                return shape_of(rf"(-\infty,{hole.group(1)})\cup ({hole.group(1)},\infty)")
            else:
                return shape
        return shape

    def _lists(self, a: Shape, g: Shape, a_items: list[Shape], g_items: list[Shape]) -> bool | None:
        if "bracket" in (a.kind, g.kind) and a.kind != "union" != g.kind:
            return self._tuple_and_list(a, g)
        if len(a_items) != len(g_items):
            a_items, g_items = distinct(a_items), distinct(g_items)
            if len(a_items) != len(g_items):
                return _unlike(a, g)
        if {"either", "blanks"} == {a.kind, g.kind}:
            return False  # `4 or -2` does not fill two blanks
        a_items = in_place(a_items)
        pairs = by_label(a_items, g_items)
        if (
            pairs
            and "either" in (a.kind, g.kind)
            and a.kind != g.kind
            and not are_numbered_roots(a_items)
        ):
            labels = {label_of(item) for item in g_items}
            if len(labels) == len(g_items) > 1:
                return False  # `x = 1 or y = 2` is not the solution of a system
        if pairs:
            return every(self.same(x, y) for x, y in pairs)
        if are_numbered_roots(a_items) or are_numbered_roots(g_items):  # roots may have any order
            a_items, g_items = ([self.plain(x) for x in items] for items in (a_items, g_items))
        named = [named_apart(items) for items in (a_items, g_items)]
        if named[0] != named[1] or (self._in_order(a, g) and not are_numbered_roots(g_items)):
            return every(self.same(x, y) for x, y in zip(a_items, g_items, strict=True))
        return self._matching(list(a_items), list(g_items))

    def _in_order(self, a: Shape, g: Shape) -> bool:
        """Return whether two lists are blanks in a fixed order rather than solutions in any order."""
        if not {a.kind, g.kind} <= {"list", "blanks"}:
            return False
        if "blanks" in (a.kind, g.kind):
            return self.blanks_ordered or NUMBERED in (a.opening, g.opening)
        worded = any(x.kind == "leaf" and not read_quantity(x.text).tree for x in g.items)
        lettered = all(x.kind == "leaf" and _LETTERED.fullmatch(x.text) for x in g.items)
        return self.commas_ordered or lettered or (self.blanks_ordered and worded)

    def _tuple_and_list(self, a: Shape, g: Shape) -> bool | None:
        """Compare `(1, 3)` with a bare `1, 3`: they need the same order, round brackets, and no set."""
        bracket, other = (a, g) if a.kind == "bracket" else (g, a)
        if other.kind == "set" or bracket.opening + bracket.closing != "()":
            return False
        if len(bracket.items) != len(other.items):
            return False
        pairs = zip(a.items, g.items, strict=True)
        return every(self.same(x, y) for x, y in pairs)

    def _matching(self, a_items: list[Shape], g_items: list[Shape]) -> bool | None:
        """Match items in any order. Equality is transitive, so the first equal partner is enough."""
        unsure = False
        for x in a_items:
            partner = None
            for y in g_items:
                equal = self.same(x, y)
                if equal:
                    partner = y
                    break
                unsure = unsure or equal is None
            if partner is None:
                return None if unsure else False
            g_items.remove(partner)
        return True

    def _brackets(self, a: Shape, g: Shape) -> bool | None:
        if a.kind != g.kind:
            return _unlike(a, g)
        if (a.opening, a.closing) != (g.opening, g.closing) or len(a.items) != len(g.items):
            return False
        return every(self.same(x, y) for x, y in zip(a.items, g.items, strict=True))

    def _ratios(self, a: Shape, g: Shape) -> bool | None:
        clocks = [_CLOCK.fullmatch(shape.text) for shape in (a, g)]
        if any(clock and clock.group(3) for clock in clocks) or all(clocks):
            times = [clock and _time_of_day(*clock.groups()) for clock in clocks]
            return times[0] == times[1]
        if clocks[1] and math.gcd(*map(int, clocks[1].group().split(":")[:2])) > 1:
            return False  # 9:45 is not in lowest terms, so it is a time of day
        terms = [shape.items if shape.kind == "ratio" else None for shape in (a, g)]
        if terms[0] and terms[1]:
            if len(terms[0]) != len(terms[1]):
                return False
            first_a, first_g = terms[0][0].text, terms[1][0].text
            crosses = [
                same_leaf(f"({x.text})*({first_g})", f"({y.text})*({first_a})", None)
                for x, y in zip(terms[0][1:], terms[1][1:], strict=True)
            ]
            return every(crosses)
        ratio, other = (a, g) if terms[0] else (g, a)
        if len(ratio.items) != 2 or (ratio.items[1].text == "1" != other.text and ratio is a):
            return False  # 6:1 is not another form of 6
        quotient = f"({ratio.items[0].text})/({ratio.items[1].text})"
        if ratio is a:
            return same_leaf(quotient, other.text, self.tolerance)
        return same_leaf(other.text, quotient, self.tolerance)

    def _relations(self, a: Shape, g: Shape) -> bool | None:
        if len(a.items) == len(g.items) > 2 and same_chain(a, g, self):
            return True
        if len(a.items) == len(g.items) == 2 and a.operators[0] in MIRROR:
            if _COMPOUND.search(g.text) and "+" in g.text:  # a reaction has a direction
                sides = [[squeeze(side.text) for side in shape.items] for shape in (a, g)]
                if sides[0] == sides[1][::-1]:
                    return False
            equal = same_relation(a, g)
            if equal is not False:
                return equal
        va, vg = self.plain(a), self.plain(g)
        if "relation" in (va.kind, vg.kind) or not same_variable(a, g):
            return _unlike(a, g)
        return self.same(va, vg)


_BOTH = re.compile(r"\band\b|且|\\wedge")


def ordered_items(shape: Shape) -> bool:
    """Return whether all items of a list are inequalities."""
    return all(set(item.operators) & ORDER for item in shape.items)


def _time_of_day(hour: str, rest: str, half: str | None) -> tuple[int, str]:
    """Return the hour (0 to 23) and the rest of a time: `3:30 PM` gives (15, "30")."""
    return (int(hour) % 12 + 12 * (half in "pP") if half else int(hour)), rest


_LETTERED = re.compile(r"[A-Z]|[A-Za-z]{2,}|[\u4e00-\u9fff]+")
_MATRIX = re.compile(
    r"\\begin\s*\{([pb]?matrix)\}((?:(?!\\begin|\\end).)*)\\end\s*\{\1\}", re.DOTALL
)


_REALS_BUT = re.compile(
    r"(?:\\R|R|\(-\\infty,\s*\+?\\infty\))\s*(?:\\(?:setminus|backslash)|-)\s*\\\{([^{},;]+)\\\}"
)
_COMPOUND = re.compile(r"[A-Z][a-z]?_\{?\d+\}?[A-Z]|[A-Z][a-z]?[A-Z][a-z]?_\{?\d")
_POINT = re.compile(
    r"(?:(?:点|坐标)[是为]?\s*)?(?:[A-Z]'?)?\s*(\([^()]*,[^()]*\))"
)  # A(1, 2), 点P(1, 2)
_PLACE = re.compile(r"(?:第|(?i:part|blank|question))([一二三四五六1-6])(?:[空问个]{0,2})")


def in_place(items: list[Shape]) -> list[Shape]:
    """Sort parts that are named by their places (`第二空: 4; 第一空: -2`) by these places."""
    places = [_PLACE.fullmatch(label_of(item) or "") for item in items]
    if len(items) < 2 or None in places:
        return items
    order = ["一二三四五六123456".index(place.group(1)) % 6 for place in places if place]
    return [item for _, item in sorted(zip(order, items, strict=True), key=lambda pair: pair[0])]


def column_of(shape: Shape) -> Shape | None:
    """Return the tuple that a matrix with one row or column, or a sum of unit vectors, means; else None."""
    if shape.kind == "leaf" and r"\vec{" in shape.text:
        return components_of(shape.text)
    point = _POINT.fullmatch(shape.text) if shape.kind == "leaf" else None
    if point:
        return shape_of(point.group(1))
    found = _MATRIX.fullmatch(shape.text.strip()) if shape.kind == "leaf" else None
    if not found:
        return None
    rows, cells = found.group(2).strip().rstrip("\\ ").split("\\\\"), found.group(2).split("&")
    if len(rows) > 1 and len(cells) > 1:
        return None
    return shape_of(f"({','.join(part.strip() for part in (rows if len(rows) > 1 else cells))})")


_COMPONENT = re.compile(r"\s*([+-]?)\s*([^+-]*?)\s*\\vec\{([ijk])\}\s*")


def components_of(text: str) -> Shape | None:
    r"""Return the tuple of `2\vec{i} - \vec{j}`: i, j and, if it occurs, k; None for other texts."""
    found = {
        mark.group(3): mark.group(1) + (mark.group(2) or "1") for mark in _COMPONENT.finditer(text)
    }
    if _COMPONENT.sub("", text) or len(found) != len(_COMPONENT.findall(text)):
        return None
    names = "ijk"[: max(2, "ijk".index(max(found)) + 1)]
    return shape_of(f"({','.join(found.get(name, '0') for name in names)})")


def without_points(shape: Shape) -> Shape | None:
    """Return the union that `x > 1 and x != 2`, `x != 1, x != 2` or `x != \\pm 1` describes, else None."""
    items = shape.items if shape.kind == "list" else (shape,)
    apart = [item for item in items if item.operators == ("!=",)]
    bound = [item for item in items if item not in apart]
    unknowns = {item.items[0].text for item in apart}
    holes = [hole for item in apart for hole in _both_signs(item.items[1].text)]
    if len(unknowns) != 1 or len(bound) > 1 or (not bound and len(holes) < 2):
        return None
    whole = interval_of(bound[0]) if bound else shape_of(r"(-\infty,\infty)")
    if whole is None or whole.kind != "bracket":
        return None
    if bound and not unknowns & {side.text for side in bound[0].items}:
        return None
    places = {hole: parse_number(hole) for hole in holes}
    if len(places) > 1 and None in places.values():
        return None
    low, high = (item.text for item in whole.items)
    ordered = sorted(places, key=lambda hole: places[hole] or 0)
    inner = "".join(rf"{hole})\cup ({hole}," for hole in ordered)
    return shape_of(f"{whole.opening}{low},{inner}{high}{whole.closing}")


def _both_signs(text: str) -> list[str]:
    bare = _PLUS_MINUS.sub("", text)
    return [bare, f"-{bare}"] if text.startswith("\\pm") else [text]


def joint_interval(shape: Shape) -> Shape | None:
    """Return the interval or union that `a > -1 and a < 2` or `x > 1 and x != 2` describes, else None."""
    if holed := without_points(shape):
        return holed
    if shape.kind != "list" or len(shape.items) != 2:
        return None
    sides: dict[str, tuple[str, str]] = {}
    unknowns: set[str] = set()
    for item in shape.items:
        if item.kind != "relation" or len(item.items) != 2:
            return None
        interval = interval_of(item)
        if interval is None or interval.kind != "bracket":
            return None
        low, high = interval.items[0].text, interval.items[1].text
        unknowns.update(
            text for text in (side.text for side in item.items) if text not in (low, high)
        )
        if low != r"-\infty":
            sides["low"] = (interval.opening, low)
        else:
            sides["high"] = (interval.closing, high)
    if len(sides) < 2 or len(unknowns) != 1:
        return None
    return shape_of(f"{sides['low'][0]}{sides['low'][1]},{sides['high'][1]}{sides['high'][0]}")


def same_chain(a: Shape, g: Shape, comparison: Comparison) -> bool | None:
    """Compare two chains such as `a < b < c` and `c > b > a` term by term."""
    if not all(operator in MIRROR for operator in a.operators + g.operators):
        return False
    sides, operators = list(a.items), list(a.operators)
    if tuple(operators) != g.operators:
        sides, operators = sides[::-1], [MIRROR[operator] for operator in operators[::-1]]
    if tuple(operators) != g.operators:
        return False
    return every(comparison.same(x, y) for x, y in zip(sides, g.items, strict=True))


def every(results: Iterable[bool | None]) -> bool | None:
    """Return the three-valued conjunction of the results."""
    unsure = False
    for result in results:
        if result is False:
            return False
        unsure = unsure or result is None
    return None if unsure else True


def _unlike(a: Shape, g: Shape) -> bool | None:
    """Return False for two structures that cannot be equal; None if they contain LaTeX beyond our parser."""
    beyond = any(rf"\{name}" in a.text + g.text for name in ("begin", "int", "sum", "lim"))
    return None if beyond else False


def flat(shape: Shape) -> list[Shape]:
    """Return the items of a list with each ± written as two values. A single answer is a list of one."""
    items = shape.items if shape.kind in _LISTS else (shape,)
    found = []
    for item in items:
        bare = value_of_relation(item) or item if item.kind == "relation" else item
        if _PLUS_MINUS.search(bare.text):
            for signs in (("+", "-"), ("-", "+")):
                text = _PLUS_MINUS.sub(lambda m, s=signs: s[m.group(1) == "mp"], bare.text)
                found.extend(flat(shape_of(text.lstrip("+"))))
        elif item.kind in ("list", "either", "union", "set") and shape.kind in _NESTING:
            found.extend(flat(item))
        else:
            found.append(item)
    return found
