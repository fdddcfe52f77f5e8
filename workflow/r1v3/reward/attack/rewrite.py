"""Rewrites expressions with sympy. sympy gets our own tree, so no other parser reads the text."""

import operator
from typing import Any

from r1v3.reward.maths.evaluate import Arithmetic, evaluate_tree, logarithm
from r1v3.reward.maths.expression import parse_expression, variables_of

_FUNCTIONS = ("sin", "cos", "tan", "cot", "sec", "csc", "exp", "sinh", "cosh", "tanh")
_NAMED = {"ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan"}
MAX_CHARS = 60  # longest expression that is rewritten


def forms_of(text: str) -> list[str]:
    """Return up to three other LaTeX forms of a normalised expression; none if it cannot be parsed."""
    import sympy

    tree = parse_expression(text) if len(text) <= MAX_CHARS else None
    if tree is None:
        return []
    letters = [name for name in variables_of(tree) if len(name) == 1]
    point = {name: sympy.Symbol(name, positive=True) for name in letters}
    try:
        whole = evaluate_tree(tree, point, _symbols(sympy))
        found = [sympy.expand(whole), sympy.factor(whole), sympy.together(whole)]
    except (LookupError, ArithmeticError, ValueError, TypeError, AttributeError):
        return []
    written = dict.fromkeys(sympy.latex(form) for form in found)
    return [form for form in written if r"\log" not in form and form != text][:3]


def _symbols(sympy: Any) -> Arithmetic:
    def power(base: Any, exponent: Any) -> Any:
        if not exponent.is_number or abs(exponent) > 8:
            raise LookupError("a power that sympy may write out")
        return base**exponent

    return {
        "num": lambda value: sympy.Rational(value.numerator, value.denominator),
        "pi": lambda: sympy.pi, "e": lambda: sympy.E,
        "add": operator.add, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg,
        "pow": power, "root": lambda index, value: value ** (1 / index),
        **{name: getattr(sympy, name) for name in _FUNCTIONS},
        **{name: getattr(sympy, theirs) for name, theirs in _NAMED.items()},
        "log": logarithm(sympy.log),
    }  # fmt: skip
