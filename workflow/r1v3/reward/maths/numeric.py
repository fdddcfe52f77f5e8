"""Evaluates expression trees, exactly if they are rational, and decides whether two are equal.

Two trees with variables are equal if they agree at fixed pseudo-random points (a wrong pair passes with a
probability below 1e-9). All costs are bounded: a power or factorial that needs more than MAX_BITS raises
`TooLarge`, so towers of powers cost only microseconds.
"""

import cmath
import math
import operator
import zlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NoReturn, TypeGuard

from r1v3.reward.maths.evaluate import Arithmetic, evaluate_tree, logarithm
from r1v3.reward.maths.expression import subtrees, variables_of
from r1v3.reward.maths.precise import agrees_precisely
from r1v3.reward.maths.reader import Tree

Number = Fraction | complex
Point = dict[str, Number]  # values by name of the variable

MAX_BITS = 40_000
RELATIVE = 1e-9
POINTS = 6


class Undefined(ArithmeticError):
    """Raised if an expression has no finite value at a point (division by zero, logarithm of zero)."""


class TooLarge(ArithmeticError):
    """Raised if a value needs more digits than the grader computes."""


def value_of(tree: Tree, point: Point | None = None) -> Number:
    """Return the value of a tree at a point (name to number).

    Raises:
        Undefined: there is no finite value.
        TooLarge: the value exceeds the bounds.
    """
    try:
        return evaluate_tree(tree, point or {}, _FLOATS)
    except (ZeroDivisionError, ValueError, LookupError) as error:
        raise Undefined(str(error)) from None
    except (OverflowError, RecursionError) as error:
        raise TooLarge(str(error)) from None


def _fail() -> NoReturn:
    raise ZeroDivisionError


def _bounded(value: Number) -> Number:
    if isinstance(value, Fraction) and (
        value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS
    ):
        raise TooLarge("too many digits")
    return value


def _of_unknown_function(name: str, argument: Number) -> complex:
    phase = zlib.crc32(name.encode()) % 97 / 31
    return cmath.cos(complex(argument) * (1.3 + phase / 7) + phase) + 2.5


def _factorial(n: Number) -> Fraction:
    if not _is_natural(n):
        raise ValueError("factorial of no natural number")
    if n > 3_000 or n * math.log2(max(2, n)) > MAX_BITS:
        raise TooLarge("factorial")
    return Fraction(math.factorial(int(n)))


MAX_CHOSEN = 6


def _is_natural(n: Number) -> TypeGuard[Fraction]:
    return isinstance(n, Fraction) and n.denominator == 1 and n >= 0


def _binomial(n: Number, k: Number) -> Number:
    if _is_natural(k) and k <= MAX_CHOSEN and not _is_natural(n):
        chosen: Number = Fraction(1)
        for place in range(int(k)):  # n (n - 1) ... / k!, if n is a formula
            chosen = chosen * (n - place) / Fraction(place + 1)
        return chosen
    if not (_is_natural(n) and _is_natural(k)):
        raise ValueError("binomial of no natural numbers")
    if n > 10**9 or min(k, n - k) * math.log2(max(2, n)) > MAX_BITS:
        raise TooLarge("binomial")
    return Fraction(math.comb(int(n), int(k)))


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            size = max(base.numerator.bit_length(), base.denominator.bit_length())
            if size * abs(exponent.numerator) > MAX_BITS and base not in (0, 1, -1):
                raise TooLarge("power")
            return base ** int(exponent)
        root = _rational_root(base, exponent.denominator)
        if root is not None:
            return _power(root, Fraction(exponent.numerator))
        if base < 0 and exponent.denominator % 2 == 1:
            magnitude = float(-base) ** float(exponent)
            return complex(-magnitude if exponent.numerator % 2 else magnitude)
    if base == 0:
        return Fraction(0) if complex(exponent).real > 0 else _fail()
    return complex(base) ** complex(exponent)


def _rational_root(base: Fraction, index: int) -> Fraction | None:
    if index > 12 or (base < 0 and index % 2 == 0):
        return None
    sign = -1 if base < 0 else 1
    parts = []
    for part in (abs(base.numerator), base.denominator):
        root = math.isqrt(part) if index == 2 else round(part ** (1 / index))
        if root**index != part:
            return None
        parts.append(root)
    return Fraction(sign * parts[0], parts[1])


_FLOATS: Arithmetic = {
    "num": lambda value: value,
    "pi": lambda: math.pi, "e": lambda: math.e, "i": lambda: 1j, "degree": lambda: math.pi / 180,
    "add": lambda a, b: _bounded(a + b), "mul": lambda a, b: _bounded(a * b),
    "div": lambda a, b: _bounded(a / b) if b != 0 else _fail(),
    "neg": operator.neg, "abs": abs, "fact": _factorial, "binom": _binomial, "pow": _power,
    "root": lambda index, value: _power(value, 1 / index) if index != 0 else _fail(),
    "call": _of_unknown_function,
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "arcsin": cmath.asin, "arccos": cmath.acos,
    "arctan": cmath.atan, "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh,
    "cot": lambda z: 1 / cmath.tan(z), "sec": lambda z: 1 / cmath.cos(z),
    "csc": lambda z: 1 / cmath.sin(z),
    "exp": cmath.exp, "ln": cmath.log, "log": logarithm(cmath.log),
}  # fmt: skip


def as_complex(value: Number) -> complex:
    """Return a value as a floating-point number.

    Raises:
        TooLarge: the value exceeds the range of floating-point numbers.
    """
    try:
        return complex(value)
    except OverflowError:
        raise TooLarge("past the range of floating point numbers") from None


def close(left: Number, right: Number) -> bool:
    """Return whether two values are equal: exactly for rationals, to 1e-9 for others."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left == right
    try:
        x, y = as_complex(left), as_complex(right)
    except TooLarge:
        return False
    if not (cmath.isfinite(x) and cmath.isfinite(y)):
        return False
    if left == 0 or right == 0:
        return abs(x - y) < 1e-13
    return abs(x - y) <= RELATIVE * max(abs(x), abs(y))


def sample_point(names: Iterable[str], index: int) -> Point:
    """Return fixed values of the variables: positive at the first points, of both signs at the others."""
    point: Point = {}
    for name in names:
        seed = zlib.crc32(f"{name}/{index}".encode())
        size = 0.35 + (seed % 100_003) / 100_003 * 2.4
        point[name] = -size if index >= POINTS // 2 and seed % 2 else size
    return point


def _points(names: Iterable[str], *trees: Tree) -> list[Point]:
    """Return the points at which trees are compared. With a modulus one point lies far from 0.

    Near 0, |x + 2| equals x + 2.
    """
    points = [sample_point(names, index) for index in range(POINTS)]
    if any(_has_modulus(tree) for tree in trees) and not any(_has_root(tree) for tree in trees):
        points.append({name: _FAR[1] * abs(size) for name, size in points[0].items()})
    return points


def _value_or_kind(tree: Tree) -> Number | type[ArithmeticError]:
    try:
        return value_of(tree)
    except (Undefined, TooLarge) as error:
        return type(error)


def same_value(left: Tree, right: Tree) -> bool | None:
    """Return whether two trees have the same value everywhere; None if that cannot be decided."""
    names = variables_of(left) | variables_of(right)
    if not names:
        x, y = _value_or_kind(left), _value_or_kind(right)
        if not (isinstance(x, type) or isinstance(y, type)):
            return close(x, y) and (_exact(x, y) or agrees_precisely(left, right, {}))
        # A value beyond all bounds equals no other; as floats, the two tiniest numbers would be equal.
        return None if Undefined in (x, y) and TooLarge not in (x, y) else False
    compared = 0
    real_only = not ({"i"} & (_constants_of(left) | _constants_of(right)))
    rooted = _has_root(left) or _has_root(right)
    for index, point in enumerate(_points(names, left, right)):
        if rooted:
            point = {n: v if n in _SIGNED else abs(v) for n, v in point.items()}
        mixed = index >= POINTS // 2
        domain = not (mixed and real_only and rooted) or (
            _in_domain(left, point) and _in_domain(right, point)
        )
        values = _values((left, right), point) if domain else None
        if values is None:
            continue
        x, y = values
        if mixed and _is_real(x) != _is_real(y):
            continue  # outside the domain of one tree, which an answer need not mention
        if not close(x, y) or (compared == 0 and not agrees_precisely(left, right, point)):
            return False
        compared += 1
    return True if compared >= 2 else None


# Letters that stand for any number. Letters of physics and of counts are positive if a tree has a root.
_SIGNED = frozenset("xyzabctuw")


def _exact(x: Number, y: Number) -> bool:
    return isinstance(x, Fraction) and isinstance(y, Fraction)


def _constants_of(tree: Tree) -> set[str]:
    return {node[1] for node in subtrees(tree) if node[0] == "const"}


def _has_modulus(tree: Tree) -> bool:
    return any(node[0] == "abs" for node in subtrees(tree))


def _has_root(tree: Tree) -> bool:
    """Return whether a tree has a root or a logarithm, which may be undefined for negative numbers."""
    return any(
        node[0] in ("root", "log")
        or (node[0] == "fn" and node[1] in ("ln", "log"))
        or (node[0] == "pow" and node[2][0] != "num" and node[2] != ("neg", ("num", Fraction(1))))
        for node in subtrees(tree)
    )


def _in_domain(tree: Tree, point: Point) -> bool:
    """Return whether all parts of a tree are real at a point."""
    try:
        return all(
            _is_real(as_complex(value_of(node, point)))
            for node in subtrees(tree)
            if node[0] in ("root", "log", "pow", "fn")
        )
    except (Undefined, TooLarge):
        return False


def _is_real(value: complex) -> bool:
    return abs(value.imag) < 1e-12 * (1 + abs(value))


def _values(trees: Sequence[Tree], point: Point) -> list[complex] | None:
    """Return the values of trees at a point; None if one of them has no value."""
    try:
        return [as_complex(value_of(tree, point)) for tree in trees]
    except (Undefined, TooLarge):
        return None


def proportional(left: Tree, right: Tree) -> int | None:
    """Return the sign of a constant c != 0 with left = c * right everywhere; 0 if there is none."""
    names = variables_of(left) | variables_of(right)
    if variables_of(left) != variables_of(right):
        return 0
    if names and all(name.endswith("()") for name in names):  # f(2) and f(3) depend on no variable
        return 0
    ratio = None
    compared = 0
    for point in _points(names, left, right):
        values = _values((left, right), point)
        if values is None:
            continue
        x, y = values
        if abs(x) < 1e-12 or abs(y) < 1e-12:
            if abs(x) < 1e-12 and abs(y) < 1e-12:
                continue
            return 0
        quotient = x / y
        if ratio is not None and not close(quotient, ratio):
            return 0
        ratio = quotient
        compared += 1
    if ratio is None or compared < (2 if names else 1) or abs(ratio.imag) > 1e-9 * abs(ratio):
        return None
    return 1 if ratio.real > 0 else -1


_FAR = (-9, -(10**4), 10**4)  # distances from the root, for tests: |x| = 3 has two roots


def solves(name: str, value: Tree, tree: Tree) -> bool:
    """Return whether `name = value` is the only root of `tree`, linear in `name`, at all sample points."""
    others = (variables_of(tree) | variables_of(value)) - {name}
    if name not in variables_of(tree):
        return False
    compared = 0
    for index in range(POINTS):
        point = sample_point(others, index)
        try:
            root = value_of(value, point)
            at = [as_complex(value_of(tree, {**point, name: root + k})) for k in (0, 1, 2, *_FAR)]
        except (Undefined, TooLarge):
            continue
        slope = at[1] - at[0]
        if abs(at[0]) > 1e-9 * max(1, abs(slope)) or not close(at[2] - at[1], slope) or slope == 0:
            return False
        if not all(close(y - at[0], k * slope) for y, k in zip(at[3:], _FAR, strict=True)):
            return False
        compared += 1
    return compared >= 2
