"""The rule functions of MME-Reasoning, as data where they are sums along lines.

Rewritten from what the benchmark's functions check (VLMEvalKit, Apache-2.0), under their names; a
function takes the answer given, the row's answer and its `special_info`.
"""

import ast
import operator
import re
from collections import Counter

from r1v3.evaluate.benchmarks.puzzle_grids import GRIDS

# name -> (keys, allowed values or None, lines, what each line adds up to)
LINES = {
    "2": ("ABCDEF", None, "ABC CEF ADF", 25),
    "3": ("ABCDEFGHIJKLMNO", range(1, 16), "ADEH CEGH IGJH NMJH OMHL KLHF BFHD", 30),
    "4": ("ABCDEFGHI", range(1, 10), "ABED BCEF DEGH EFHI BDHF ACIG", 20),
    "6": ("ABCDEFGHIJKLMNOPQRS", range(1, 20), "AJS CJQ EJO GJM IJK LJH NJF PJD RJB", 30),
    "7": ("ABCDEFGHIJKL", range(1, 13), "ACFH ADGK BCDE HIJK BFIL EGJL", 26),
    "9": (
        "ABCDEFGHIJKLMNOPQRS",
        range(1, 20),
        "ABC ADH AEJ CFJ CGL HIJ HMQ JKL JNQ JOS LPS QRS",
        22,
    ),
}
LINES_5 = "ABC AGO OPQ CKQ ADINQ CFILO BEIMP GHIJK"
LINES_8 = "ABC AFK BDE BEH CHM DGJ EGI FIL HJI KLM"
CARDS = {"A": "1", "J": "11", "Q": "12", "K": "13"}
MOST_OF_EACH = {20: 5, 15: 3, 10: 3, 5: 6}


def _sums(given, keys: str, allowed, lines: str, total: int) -> bool:
    if any(key not in given for key in keys):
        return False
    if allowed is not None and set(given.values()) != set(allowed):
        return False
    return all(sum(given[key] for key in line) == total for line in lines.split())


def _on_lines(name: str):
    return lambda given, answer, info: _sums(given, *LINES[name])


def _ratios(given, answer, info) -> bool:
    return given["A"] / given["B"] == 3 and given["C"] / given["B"] == 2


def _shooting(given, answer, info) -> bool:
    values = Counter(given.values())
    few = all(values[v] <= MOST_OF_EACH.get(v, 0) for v in values)
    return few and _sums(given, "ABCDEFGHIJKLMNOPQ", None, LINES_5, 55)


def _distinct(given, answer, info) -> bool:
    values = list(given.values())
    fine = len(values) == len(set(values)) and all(1 <= v <= 15 for v in values)
    return fine and _sums(given, "ABCDEFGHIJKLM", None, LINES_8, 20)


def _triangle(given, answer, info) -> bool:
    sides = {sum(given[key] for key in line) for line in ("ABD", "DEF", "ACF")}
    return set(given.values()) == set(range(1, 7)) and len(sides) == 1


def _chain(given, answer, info) -> bool:
    if set(given.values()) != {1, 2, 3, 5, 7, 8}:
        return False
    sums = (given["A"] + given["C"] + 9, given["B"] + given["C"] + given["D"])
    more = (given["F"] + given["E"] + given["D"], given["E"] + given["G"] + 6)
    return {*sums, *more} == {19}


def _pets(given, answer, info) -> bool:
    def number(word: str) -> int:
        return int("".join(str(given[letter]) for letter in word))

    return number("CAT") + number("DOG") == number("PETS")


def _match(given, answer, info) -> bool:
    def plain(value):
        return frozenset(value) if isinstance(value, list) else value

    return all(plain(given.get(key)) == plain(value) for key, value in answer.items())


def _coordinates(given, answer, info) -> bool:
    answer = [answer] if isinstance(answer, dict) else answer
    given = [given] if isinstance(given, dict) else given
    return [f"{c['row']}{c['column']}" for c in given] == [
        f"{c['row']}{c['column']}" for c in answer
    ]


def _one_of(given, answer, info) -> bool:
    """The one value given is any of the answers; sets of values are compared as sets."""
    value = next(iter(given.values())) if isinstance(given, dict) and len(given) == 1 else given
    if isinstance(value, list):
        return set(value) in [set(one) for one in answer]
    return str(value).strip() in [str(one).strip() for one in answer]


def _same_expression(given, answer, info) -> bool:
    """The same terms or factors in any order, e.g. 3 + 4 = 7 and 4 + 3 = 7."""
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
    """The value of a sum, difference, product or quotient of numbers; nothing else is evaluated."""
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int | float):
        return tree.value
    if isinstance(tree, ast.BinOp) and type(tree.op) in OPERATORS:
        return OPERATORS[type(tree.op)](_value(tree.left), _value(tree.right))
    raise ValueError("not an arithmetic expression")


def _points_24(given, answer, info) -> bool:
    formula = str(given).replace("\\times", "*").replace("×", "*").replace("÷", "/")
    formula = formula.replace(" ", "").split("=")[0][:200]
    formula = re.sub(r"\b[AJQK]\b", lambda card: CARDS[card[0]], formula)
    try:
        value = _value(ast.parse(formula, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError):
        return False
    numbers = sorted(int(number) for number in re.findall(r"\d+", formula))
    return abs(value - 24) < 1e-9 and numbers == sorted(info["init_cards"])


RULES = {
    "calculate_answer_function_1": _ratios,
    **{f"calculate_answer_function_{name}": _on_lines(name) for name in LINES},
    "calculate_answer_function_5": _shooting,
    "calculate_answer_function_8": _distinct,
    "calculate_answer_function_10": _triangle,
    "calculate_answer_function_11": _chain,
    "calculate_answer_function_12": _pets,
    "match_answer_function": _match,
    "match_coordinate_function": _coordinates,
    "multiple_match_function": _one_of,
    "compare_expression_function": _same_expression,
    "judge_24points_function": _points_24,
    **GRIDS,
}
