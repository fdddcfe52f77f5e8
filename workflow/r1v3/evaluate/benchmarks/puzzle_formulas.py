"""The formulas of MME-Reasoning: equal up to the order of terms, and the game of 24.

A formula is parsed and computed as arithmetic, so nothing that a model writes is executed. The functions
check what the benchmark's functions check (VLMEvalKit, Apache-2.0), under the same names, in our own code.
"""

import ast
import operator
import re
from collections import Counter

CARDS = {"A": "1", "J": "11", "Q": "12", "K": "13"}
SIGNS = {
    "\\times": "*", "\\cdot": "*", "\\div": "/", "×": "*", "·": "*", "∗": "*", "÷": "/", "−": "-",
    "–": "-", "[": "(", "]": ")", "{": "(", "}": ")", "＝": "=",
}  # fmt: skip


def as_formula(text: str) -> str:
    """Write a formula in Python's signs: `[7 − 4] × 8` becomes `(7 - 4) * 8`."""
    text = re.sub(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"((\1)/(\2))", text)
    for sign, plain in SIGNS.items():
        text = text.replace(sign, plain)
    return text


def with_cards(formula: str) -> str:
    """Replace the cards A, J, Q and K in a formula by their numbers."""
    return re.sub(r"\b[AJQK]\b", lambda card: CARDS[card[0]], formula)


def _same_expression(given, answer, info) -> bool:
    """Return whether the terms or factors are the same in any order, such as 3 + 4 = 7 and 4 + 3 = 7."""
    left = _terms(given["equation"].split("=")[0])
    return any(left == _terms(one.split("=")[0]) for one in answer)


def _terms(text: str):
    tree = ast.parse(text.strip()[:200], mode="eval").body
    for kind, name in ((ast.Add, "+"), (ast.Mult, "*")):
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, kind):
            return name, Counter(_flat(tree, kind))
    return ast.unparse(tree), Counter()


def _flat(tree, kind) -> list[str]:
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, kind):
        return _flat(tree.left, kind) + _flat(tree.right, kind)
    return [ast.unparse(tree)]


OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _value(tree) -> float:
    """Compute a sum, difference, product or quotient of numbers; nothing else is evaluated."""
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int | float):
        return tree.value
    if isinstance(tree, ast.BinOp) and type(tree.op) in OPERATORS:
        return OPERATORS[type(tree.op)](_value(tree.left), _value(tree.right))
    raise ValueError("not an arithmetic expression")


def _points_24(given, answer, info) -> bool:
    formula = with_cards(as_formula(str(given))).replace(" ", "").split("=")[0][:200]
    try:
        value = _value(ast.parse(formula, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError):
        return False
    numbers = sorted(int(number) for number in re.findall(r"\d+", formula))
    return abs(value - 24) < 1e-9 and numbers == sorted(info["init_cards"])


FORMULAS = {
    "compare_expression_function": _same_expression,
    "judge_24points_function": _points_24,
}
