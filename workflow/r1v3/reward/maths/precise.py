"""Evaluate two expression trees to 120 digits, so that what agrees as floats alone is told apart.

`sqrt(10^20 + 1)` and `10^10` are one float and two numbers. Only pairs that are equal as floats come here.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from r1v3.reward.maths.reader import Tree

DIGITS = 120
AGREE = 100  # digits that must agree; twenty are left to rounding


def agrees_precisely(left: Tree, right: Tree, point: Mapping[str, Fraction | complex]) -> bool:
    """Whether two trees have one value to AGREE digits; True where a part has no such evaluation."""
    try:
        difference, size = _difference(left, right, point, DIGITS)
        if difference <= size * _TINY:
            return True
        if size > _TINY:
            return False
        # Both are tiny: what is nothing but rounding shrinks with more digits, what is a value stays.
        return bool(_difference(left, right, point, 2 * DIGITS)[0] < difference * _TINY)
    except _NoEvaluation:
        return True
    except (ArithmeticError, ValueError, TypeError):
        return False


_TINY = 10.0**-AGREE


def _difference(
    left: Tree, right: Tree, point: Mapping[str, Fraction | complex], digits: int
) -> tuple[Any, Any]:
    """Return how far two trees are apart, and the size of the larger one."""
    import mpmath  # sympy's own arithmetic: loaded when first needed

    with mpmath.workdps(digits):
        x, y = _value(left, point, mpmath), _value(right, point, mpmath)
        return abs(x - y), max(abs(x), abs(y))


class _NoEvaluation(Exception):
    """A part of the tree is known as a float only."""


_FUNCTIONS = {
    "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "exp": "exp",
    "ln": "log", "log": "log",
}  # fmt: skip
_EXACT = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
}


def _value(tree: Tree, point: Mapping[str, Fraction | complex], mp: Any) -> Any:
    kind = tree[0]
    if kind == "num":
        return mp.mpf(tree[1].numerator) / tree[1].denominator
    if kind == "var":
        return mp.mpmathify(complex(point[tree[1]]))
    if kind == "const":
        if tree[1] == "infty":
            raise ValueError("infinity")
        return {"pi": +mp.pi, "e": +mp.e, "i": mp.mpc(0, 1), "degree": mp.pi / 180}[tree[1]]
    if kind in ("call", "fact", "binom"):
        raise _NoEvaluation
    parts = [_value(part, point, mp) for part in tree[1:] if isinstance(part, tuple)]
    if kind in _EXACT:
        return _EXACT[kind](*parts)
    if kind == "neg":
        return -parts[0]
    if kind == "abs":
        return abs(parts[0])
    if kind == "fn" and tree[1] in _FUNCTIONS:
        return getattr(mp, _FUNCTIONS[tree[1]])(parts[0])
    if kind == "log":
        return mp.log(parts[1]) / mp.log(parts[0])
    if kind == "pow":
        return _power(parts[0], parts[1], mp)
    if kind == "root":
        return _power(parts[1], 1 / parts[0], mp)
    raise _NoEvaluation


def _power(base: Any, exponent: Any, mp: Any) -> Any:
    if base == 0:
        return mp.mpf(0)
    if (
        mp.im(base) == 0
        and mp.re(base) < 0
        and mp.im(exponent) == 0
        and exponent != mp.nint(exponent)
    ):
        raise _NoEvaluation  # which branch is meant was settled with fractions
    return base**exponent
