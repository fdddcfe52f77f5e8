"""Checks statements about the report's own numbers, which are written as sums.

`config/report.yaml` has tables 2 to 5 and figure 9. Table 1 is `published` in benchmarks.yaml. A sum names
a number by its path, as in `mmmu_val.skywork_r1v3_38b - mmmu_val.internvl3_78b > 3`. A single `=` means:
equal after rounding to the number of decimals on the right side.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Reader = Callable[[str], float]
SINGLE_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")
PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")
OPERATIONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "max": max,
    "min": min,
    "count": lambda *hold: sum(hold),  # how many of these comparisons hold
}
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Sum:
    """The result of a sum: whether it holds, and its text with values in place of names."""

    holds: bool
    shown: str


def flatten(tables: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Return nested tables as paths: `{"table_2": {"rl": 74.5}}` becomes `{"table_2.rl": 74.5}`.

    The star that marks authors' own measurements in Table 1 is dropped. Text and missing values are left out.
    """
    found: dict[str, float] = {}
    for key, value in tables.items():
        if isinstance(value, Mapping):
            found |= flatten(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{prefix}{key}"] = float(value)
        elif isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?\*?", value):
            found[f"{prefix}{key}"] = float(value.rstrip("*"))
    return found


def names_of(text: str) -> list[str]:
    """Return the paths of the numbers that a sum or a value names."""
    return sorted(set(PATH.findall(text)))


def expression_value(text: str, numbers: Mapping[str, float]) -> float:
    """Return the value of an expression without a comparison.

    Raises:
        ValueError: it cannot be read, or names no number of the report.
    """
    return float(_value(_tree(text), _reader(numbers)))


def settle_sum(text: str, numbers: Mapping[str, float]) -> Sum:
    """Return whether a sum holds; all parts that `and` joins must hold.

    Raises:
        ValueError: it cannot be read, names no number of the report, or compares nothing.
    """
    parts = re.split(r"\band\b", text)
    settled = [_settle_part(part.strip(), numbers) for part in parts]
    return Sum(all(part.holds for part in settled), " and ".join(part.shown for part in settled))


def _settle_part(text: str, numbers: Mapping[str, float]) -> Sum:
    shown = PATH.sub(lambda found: f"{_reader(numbers)(found[0]):g}", text)
    sides = SINGLE_EQUALS.split(text)
    if len(sides) == 2:
        left, right = sides
        _, _, decimals = right.strip().partition(".")
        places = len(decimals) if decimals.isdigit() else 0
        got = expression_value(left, numbers)
        # Slightly more than half of the last written decimal, for sums such as 0.1 + 0.2.
        half = 0.5 * 10**-places + TOLERANCE
        return Sum(abs(got - expression_value(right, numbers)) <= half, f"{shown} ({got:g})")
    tree = _tree(text)
    if not isinstance(tree, ast.Compare):
        raise ValueError(f"'{text}' compares nothing; write one of < <= > >= =")
    return Sum(_compared(tree, _reader(numbers)), shown)


def _compared(tree: ast.Compare, read: Reader) -> bool:
    values = [_value(each, read) for each in (tree.left, *tree.comparators)]
    for sign in tree.ops:
        if type(sign) not in OPERATIONS:
            raise ValueError(f"'{ast.unparse(tree)}': write one of < <= > >= =")
    return all(
        OPERATIONS[type(sign)](one, other)
        for sign, one, other in zip(tree.ops, values, values[1:], strict=False)
    )


def _reader(numbers: Mapping[str, float]) -> Reader:
    def read(path: str) -> float:
        if path not in numbers:
            raise ValueError(f"the report's numbers have no '{path}'")
        return numbers[path]

    return read


def _tree(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f"'{text.strip()}' is no sum") from None


def _value(tree: ast.expr, read: Reader) -> Any:
    match tree:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
            return OPERATIONS[type(op)](_value(left, read), _value(right, read))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, read)
        case ast.Call(func=ast.Name(id=name), args=args) if name in FUNCTIONS:
            return FUNCTIONS[name](*(_value(each, read) for each in args))
        case ast.Compare():
            return _compared(tree, read)
        case ast.Attribute() | ast.Name():
            return read(ast.unparse(tree))
    raise ValueError(f"'{ast.unparse(tree)}' is no part of a sum")
