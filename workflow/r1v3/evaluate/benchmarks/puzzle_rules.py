"""The rule functions of MME-Reasoning. Those that add up lines are data.

They check what the benchmark's functions check (VLMEvalKit, Apache-2.0), under the same names, in our own
code. A function takes the given answer, the row's answer and its `special_info`.
"""

from collections import Counter

from r1v3.evaluate.benchmarks.puzzle_formulas import FORMULAS
from r1v3.evaluate.benchmarks.puzzle_grids import GRIDS

# name -> (keys, allowed values or None, lines, sum of each line)
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
    return given["B"] != 0 and given["A"] == 3 * given["B"] and given["C"] == 2 * given["B"]


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
        return frozenset(map(_text, value)) if isinstance(value, list) else _text(value)

    return all(plain(given.get(key)) == plain(value) for key, value in answer.items())


def _text(value) -> str:
    return str(value).strip().casefold()


def _coordinates(given, answer, info) -> bool:
    def places(cells) -> list[str]:
        cells = [cells] if isinstance(cells, dict) else cells
        return [_text(cell["row"]) + _text(cell["column"]) for cell in cells]

    return places(given) == places(answer)


def _one_of(given, answer, info) -> bool:
    """Return whether the given ids are those of any answer, in any order; a single id needs no list."""
    value = next(iter(given.values())) if isinstance(given, dict) and len(given) == 1 else given

    def ids(one) -> set[str]:
        return set(map(_text, one)) if isinstance(one, list) else {_text(one)}

    return ids(value) in [ids(one) for one in answer]


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
    **FORMULAS,
    **GRIDS,
}
