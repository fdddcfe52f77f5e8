"""Evaluate expression trees in any arithmetic: floats, many digits, or sympy's symbols."""

from collections.abc import Callable, Mapping
from typing import Any

from r1v3.reward.maths.reader import Tree

# What computes a node: a function of its parts by its kind, or by its name where it has one.
Arithmetic = Mapping[str, Callable[..., Any]]


def evaluate_tree(tree: Tree, point: Mapping[str, Any], arithmetic: Arithmetic) -> Any:
    """Return the value of a tree at a point (name to value).

    Raises:
        LookupError: the arithmetic has no such part, or the point no such variable.
        Whatever the arithmetic raises.
    """
    kind = tree[0]
    if kind == "var":
        return point[tree[1]]
    if kind == "num":
        return arithmetic["num"](tree[1])
    if kind == "const":
        return arithmetic[tree[1]]()
    if kind == "fn":
        return arithmetic[tree[1]](evaluate_tree(tree[2], point, arithmetic))
    if kind == "call":
        return arithmetic["call"](tree[1], evaluate_tree(tree[2], point, arithmetic))
    parts = [evaluate_tree(part, point, arithmetic) for part in tree[1:]]
    return arithmetic[kind](*parts)


def logarithm(natural: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the logarithm of `(value)`, the natural one, or of `(base, value)`."""

    def compute(*parts: Any) -> Any:
        value = natural(parts[-1])
        return value / natural(parts[0]) if len(parts) > 1 else value

    return compute
