"""Evaluates two expression trees to 120 digits, to distinguish values that are equal only as floats.

`sqrt(10^20 + 1)` and `10^10` are equal as floats but are two numbers. Only pairs that are equal as floats are
evaluated here.
"""

import operator
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from r1v3.reward.maths.evaluate import Arithmetic, evaluate_tree, logarithm
from r1v3.reward.maths.reader import Tree

DIGITS = 120
AGREE = 100  # digits that must agree; the other twenty are left for rounding errors


def agrees_precisely(left: Tree, right: Tree, point: Mapping[str, Fraction | complex]) -> bool:
    """Return whether two trees agree to AGREE digits; True if a part cannot be evaluated to many digits."""
    try:
        difference, size = _difference(left, right, point, DIGITS)
        if difference <= size * _TINY:
            return True
        if size > _TINY:
            return False
        # Both are tiny. A pure rounding error shrinks with more digits, a value does not.
        return bool(_difference(left, right, point, 2 * DIGITS)[0] < difference * _TINY)
    except LookupError:  # a part can be evaluated only as a float
        return True
    except (ArithmeticError, ValueError, TypeError):
        return False


_TINY = 10.0**-AGREE


def _difference(
    left: Tree, right: Tree, point: Mapping[str, Fraction | complex], digits: int
) -> tuple[Any, Any]:
    """Return the distance of the values of two trees, and the larger absolute value."""
    import mpmath

    with mpmath.workdps(digits):
        at = {name: mpmath.mpmathify(complex(value)) for name, value in point.items()}
        x, y = (evaluate_tree(tree, at, _many_digits()) for tree in (left, right))
        return abs(x - y), max(abs(x), abs(y))


@lru_cache(maxsize=1)
def _many_digits() -> Arithmetic:
    import mpmath as mp  # sympy's own arithmetic: loaded when first needed

    def power(base: Any, exponent: Any) -> Any:
        if base == 0:
            return mp.mpf(0)
        whole = mp.im(exponent) != 0 or exponent == mp.nint(exponent)
        if mp.im(base) == 0 and mp.re(base) < 0 and not whole:
            raise LookupError("which branch is meant was settled with fractions")
        return base**exponent

    return {
        "num": lambda value: mp.mpf(value.numerator) / value.denominator,
        "pi": lambda: +mp.pi, "e": lambda: +mp.e, "i": lambda: mp.mpc(0, 1),
        "degree": lambda: mp.pi / 180,
        "add": operator.add, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg, "abs": abs,
        "pow": power, "root": lambda index, value: power(value, 1 / index),
        "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "cot": mp.cot, "sec": mp.sec, "csc": mp.csc,
        "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan,
        "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh,
        "exp": mp.exp, "ln": mp.log, "log": logarithm(mp.log),
    }  # fmt: skip
