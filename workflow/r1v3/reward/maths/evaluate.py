"""Evaluates expression trees in any arithmetic: floats, many digits, or sympy's symbols."""

from collections.abc import Callable, Mapping
from typing import Any

from r1v3.reward.maths.reader import Tree

# Functions that compute a node from its parts, by the node's kind or, if it has one, by its name.
Arithmetic = Mapping[str, Callable[..., Any]]


def evaluate_tree(tree: Tree, point: Mapping[str, Any], arithmetic: Arithmetic) -> Any:
    """Return the value of a tree at a point (name to value).

    Raises:
        LookupError: the arithmetic lacks a part of the tree, or the point lacks a variable.
        Errors of the arithmetic itself.
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
    """Return the logarithm as a function of `(value)` (natural) or of `(base, value)`."""

    def compute(*parts: Any) -> Any:
        value = natural(parts[-1])
        return value / natural(parts[0]) if len(parts) > 1 else value

    return compute
