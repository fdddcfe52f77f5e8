"""Other forms of an expression by sympy, from our own tree, so that no other parser reads it."""

from typing import Any

from r1v3.reward.maths.expression import parse_expression
from r1v3.reward.maths.reader import Tree

_SAME = ("sin", "cos", "tan", "cot", "sec", "csc", "exp", "sinh", "cosh", "tanh")
_NAMED = {"ln": "log", "log": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan"}
MAX_CHARS = 60  # of an expression that is rewritten


def forms_of(text: str) -> list[str]:
    """Return up to three other LaTeX forms of a normalised expression; none where it is not read."""
    import sympy

    tree = parse_expression(text) if len(text) <= MAX_CHARS else None
    if tree is None:
        return []
    try:
        whole = _as_sympy(tree, sympy)
        found = [sympy.expand(whole), sympy.factor(whole), sympy.together(whole)]
    except (_Unknown, ArithmeticError, ValueError, TypeError, AttributeError):
        return []
    written = dict.fromkeys(sympy.latex(form) for form in found)
    return [form for form in written if r"\log" not in form and form != text][:3]


class _Unknown(Exception):
    """A part that is not translated."""


def _as_sympy(tree: Tree, sympy: Any) -> Any:
    kind = tree[0]
    if kind == "num":
        return sympy.Rational(tree[1].numerator, tree[1].denominator)
    if kind == "var" and len(tree[1]) == 1:
        return sympy.Symbol(tree[1], positive=True)
    if kind == "const" and tree[1] in ("pi", "e"):
        return sympy.pi if tree[1] == "pi" else sympy.E
    parts = [_as_sympy(part, sympy) for part in tree[1:] if isinstance(part, tuple)]
    if kind == "neg":
        return -parts[0]
    if kind == "add":
        return parts[0] + parts[1]
    if kind == "mul":
        return parts[0] * parts[1]
    if kind == "div":
        return parts[0] / parts[1]
    if kind == "pow" and parts[1].is_number and abs(parts[1]) <= 8:
        return parts[0] ** parts[1]
    if kind == "root":
        return parts[1] ** (1 / parts[0])
    if kind == "fn" and (tree[1] in _SAME or tree[1] in _NAMED):
        return getattr(sympy, _NAMED.get(tree[1], tree[1]))(parts[0])
    raise _Unknown(kind)
