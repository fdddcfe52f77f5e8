"""Evaluate expression trees, exactly where they are rational, and tell whether two are equal.

Two trees with variables are equal when they agree at fixed pseudo-random points (a wrong pair passes
with a chance below 1e-9). All costs are bounded: a power or factorial that would need more than
MAX_BITS raises `TooLarge`, so towers of powers cost microseconds.
"""

import cmath
import math
import zlib
from collections.abc import Iterable
from fractions import Fraction
from typing import NoReturn

from r1v3.reward.maths.expression import variables_of
from r1v3.reward.maths.precise import agrees_precisely
from r1v3.reward.maths.reader import Tree

Number = Fraction | complex
Point = dict[str, Number]  # value by name of variable

MAX_BITS = 40_000
RELATIVE = 1e-9
POINTS = 6

_TRIG = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "arcsin": cmath.asin,
    "arccos": cmath.acos, "arctan": cmath.atan, "sinh": cmath.sinh, "cosh": cmath.cosh,
    "tanh": cmath.tanh, "exp": cmath.exp, "ln": cmath.log, "log": cmath.log,
    "cot": lambda z: 1 / cmath.tan(z), "sec": lambda z: 1 / cmath.cos(z),
    "csc": lambda z: 1 / cmath.sin(z),
}  # fmt: skip


class Undefined(ArithmeticError):
    """The expression has no finite value here (division by zero, logarithm of zero)."""


class TooLarge(ArithmeticError):
    """The value would need more digits than the grader is willing to compute."""


def value_of(tree: Tree, point: Point | None = None) -> Number:
    """Return the value of a tree at a point (name to number).

    Raises:
        Undefined: no finite value. TooLarge: past the bounds.
    """
    try:
        return _value(tree, point or {})
    except (ZeroDivisionError, ValueError) as error:
        raise Undefined(str(error)) from None
    except (OverflowError, RecursionError) as error:
        raise TooLarge(str(error)) from None


def _value(tree: Tree, point: Point) -> Number:
    kind = tree[0]
    if kind == "num":
        return tree[1]
    if kind == "var":
        return point[tree[1]]
    if kind == "const":
        return _constant(tree[1])
    if kind == "call":
        phase = zlib.crc32(tree[1].encode()) % 97 / 31
        return cmath.cos(complex(_value(tree[2], point)) * (1.3 + phase / 7) + phase) + 2.5
    if kind == "fn":
        return _function(tree[1], _value(tree[2], point))
    left = _value(tree[1], point)
    if kind == "neg":
        return -left
    if kind == "abs":
        return abs(left)
    if kind == "fact":
        return _factorial(left)
    right = _value(tree[2], point)
    if kind == "add":
        return _bounded(left + right)
    if kind == "mul":
        return _bounded(left * right)
    if kind == "div":
        if right == 0:
            raise ZeroDivisionError
        return _bounded(left / right)
    if kind == "pow":
        return _power(left, right)
    if kind == "root":
        return _power(right, 1 / left) if left != 0 else _fail()
    if kind == "log":
        return cmath.log(complex(right)) / cmath.log(complex(left))
    if kind == "binom":
        return _binomial(left, right)
    raise ValueError(kind)


def _fail() -> NoReturn:
    raise ZeroDivisionError


def _constant(name: str) -> complex:
    if name == "infty":
        raise Undefined("infinity")
    return {"pi": math.pi, "e": math.e, "i": 1j, "degree": math.pi / 180}[name]


def _bounded(value: Number) -> Number:
    if isinstance(value, Fraction) and (
        value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS
    ):
        raise TooLarge("too many digits")
    return value


def _function(name: str, argument: Number) -> complex:
    if name not in _TRIG:
        raise ValueError(name)
    if argument == 0 and name in ("ln", "log"):
        raise ZeroDivisionError
    return _TRIG[name](complex(argument))


def _factorial(n: Number) -> Fraction:
    if not isinstance(n, Fraction) or n.denominator != 1 or n < 0:
        raise ValueError("factorial of no natural number")
    if n > 3_000 or n * math.log2(max(2, n)) > MAX_BITS:
        raise TooLarge("factorial")
    return Fraction(math.factorial(int(n)))


MAX_CHOSEN = 6


def _is_natural(n: Number) -> bool:
    return isinstance(n, Fraction) and n.denominator == 1 and n >= 0


def _binomial(n: Number, k: Number) -> Number:
    if (
        isinstance(k, Fraction)
        and k.denominator == 1
        and 0 <= k <= MAX_CHOSEN
        and not _is_natural(n)
    ):
        chosen: Number = Fraction(1)
        for place in range(int(k)):  # n (n - 1) ... / k!, for the n of a formula
            chosen = chosen * (n - place) / Fraction(place + 1)
        return chosen
    if not (isinstance(n, Fraction) and isinstance(k, Fraction)) or any(
        x.denominator != 1 or x < 0 for x in (n, k)
    ):
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


def as_complex(value: Number) -> complex:
    """Return a value as a floating point number.

    Raises:
        TooLarge: it is past the range of those.
    """
    try:
        return complex(value)
    except OverflowError:
        raise TooLarge("past the range of floating point numbers") from None


def close(left: Number, right: Number) -> bool:
    """Whether two values are the same: exactly for rationals, to 1e-9 otherwise."""
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
    """Return fixed values for the variables: positive at the first points, mixed signs after."""
    point: Point = {}
    for name in names:
        seed = zlib.crc32(f"{name}/{index}".encode())
        size = 0.35 + (seed % 100_003) / 100_003 * 2.4
        point[name] = -size if index >= POINTS // 2 and seed % 2 else size
    return point


def _points(names: Iterable[str], *trees: Tree) -> list[Point]:
    """Return the points at which trees are compared; one is far out where a tree has a modulus.

    Near 0, |x + 2| is x + 2.
    """
    points = [sample_point(names, index) for index in range(POINTS)]
    if any(_has_modulus(tree) for tree in trees) and not any(has_root(tree) for tree in trees):
        points.append({name: _FAR[1] * abs(size) for name, size in points[0].items()})
    return points


def _value_or_kind(tree: Tree) -> Number | type[ArithmeticError]:
    try:
        return value_of(tree)
    except (Undefined, TooLarge) as error:
        return type(error)


def same_value(left: Tree, right: Tree) -> bool | None:
    """Return whether two trees have the same value everywhere, None where it cannot be told."""
    names = variables_of(left) | variables_of(right)
    if not names:
        x, y = _value_or_kind(left), _value_or_kind(right)
        if not (isinstance(x, type) or isinstance(y, type)):
            return close(x, y) and (_exact(x, y) or agrees_precisely(left, right, {}))
        # a value past all bounds matches no other: floats would call the two tiniest numbers equal
        return None if Undefined in (x, y) and TooLarge not in (x, y) else False
    compared = 0
    real_only = not ({"i"} & (constants_of(left) | constants_of(right)))
    rooted = has_root(left) or has_root(right)
    for index, point in enumerate(_points(names, left, right)):
        if rooted:
            point = {n: v if n in _SIGNED else abs(v) for n, v in point.items()}
        if real_only and rooted and index >= POINTS // 2 and not _in_domain(left, right, point):
            continue
        try:
            x, y = as_complex(value_of(left, point)), as_complex(value_of(right, point))
        except (Undefined, TooLarge):
            continue
        real = [abs(z.imag) < 1e-12 * (1 + abs(z)) for z in (x, y)]
        if index >= POINTS // 2 and real[0] != real[1]:
            continue  # outside the domain of one of them, which an answer need not mention
        if not close(x, y) or (compared == 0 and not agrees_precisely(left, right, point)):
            return False
        compared += 1
    return True if compared >= 2 else None


# Letters that stand for any number; those of physics and of counts are positive where a root is drawn.
_SIGNED = frozenset("xyzabctuw")


def _exact(x: Number, y: Number) -> bool:
    return isinstance(x, Fraction) and isinstance(y, Fraction)


def constants_of(tree: Tree) -> frozenset[str]:
    """Return the names of the constants of a tree."""
    if tree[0] == "const":
        return frozenset((tree[1],))
    parts = (constants_of(part) for part in tree[1:] if isinstance(part, tuple))
    return frozenset[str]().union(*parts)


def _has_modulus(tree: Tree) -> bool:
    return tree[0] == "abs" or any(
        _has_modulus(part) for part in tree[1:] if isinstance(part, tuple)
    )


def has_root(tree: Tree) -> bool:
    """Whether a tree draws a root or a logarithm, which negative numbers may not have."""
    if tree[0] in ("root", "log") or (tree[0] == "fn" and tree[1] in ("ln", "log")):
        return True
    if tree[0] == "pow" and tree[2][0] != "num" and tree[2] != ("neg", ("num", Fraction(1))):
        return True
    return any(has_root(part) for part in tree[1:] if isinstance(part, tuple))


def _in_domain(left: Tree, right: Tree, point: Point) -> bool:
    """Whether no part of two trees leaves the real numbers at a point."""
    try:
        return _stays_real(left, point) and _stays_real(right, point)
    except (Undefined, TooLarge, ZeroDivisionError, ValueError, OverflowError):
        return False


def _stays_real(tree: Tree, point: Point) -> bool:
    parts = [part for part in tree[1:] if isinstance(part, tuple)]
    if not all(_stays_real(part, point) for part in parts):
        return False
    if tree[0] in ("root", "log", "pow", "fn"):
        value = as_complex(value_of(tree, point))
        return abs(value.imag) < 1e-12 * (1 + abs(value))
    return True


def proportional(left: Tree, right: Tree) -> int | None:
    """Return the sign of a constant c != 0 with left = c * right everywhere, 0 if there is none."""
    names = variables_of(left) | variables_of(right)
    if variables_of(left) != variables_of(right):
        return 0
    if names and all(name.endswith("()") for name in names):  # f(2) and f(3) vary with nothing
        return 0
    ratio = None
    compared = 0
    for point in _points(names, left, right):
        try:
            x, y = as_complex(value_of(left, point)), as_complex(value_of(right, point))
        except (Undefined, TooLarge):
            continue
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


_FAR = (-9, -(10**4), 10**4)  # how far from its root an equation is tried: |x| = 3 has a second one


def solves(name: str, value: Tree, tree: Tree) -> bool:
    """Whether `name = value` is the one root of `tree`, linear in `name`, at all sample points."""
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
