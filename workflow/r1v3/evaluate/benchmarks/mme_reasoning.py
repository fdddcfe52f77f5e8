"""MME-Reasoning: choices, open answers, and puzzles that a rule function checks.

A row without `function_id` is a choice (the set of letters must match) or open. Any other row names a
function of `puzzle_rules`: the puzzle may have many solutions, and the function checks the one given.
The original lets a model turn the answer into JSON; here the answer is read by rule: the last JSON or
list after the thought, else `A: 5, B: 1` pairs, else the boxed value alone.
"""

import ast
import json
import re

from r1v3.evaluate.benchmarks.puzzle_rules import RULES
from r1v3.evaluate.items import Item, Row, make_item
from r1v3.evaluate.judge import Judged
from r1v3.evaluate.table import Benchmark
from r1v3.reward import Verdict, extract_answer

PAIR = re.compile(r"\b([A-Za-z]\w*|\d+)\s*[:=]\s*[\"']?(-?\w+)")


def read(row: Row, entry: Benchmark) -> list[Item]:
    rule = row.get("function_id", "")
    if rule in ("", "choice_function", "open_function"):
        if row["question_type"].lower() == "choice" or rule == "choice_function":
            letters = "".join(sorted(set(re.findall(r"[A-J]", row["answer"].upper()))))
            kind = "mcq" if len(letters) == 1 else "mcq_multi"
            choice = {"golds": (letters,), "answer_type": kind, "template": entry.prompt.choice}
            return [make_item(row, entry, **choice)]
        return [make_item(row, entry, options=None)]
    if rule not in RULES:
        raise ValueError(f"row {row['index']}: function_id {rule!r} is none of {', '.join(RULES)}")
    extra = {
        "rule": rule,
        "answer": read_structure(row["answer"]) if row["answer"] else None,
        "info": read_structure(row.get("special_info", "")) or {},
    }
    return [make_item(row, entry, options=None, golds=(row["answer"],), extra=extra)]


def judge(item: Item, response: str) -> Judged | None:
    rule = item.extra.get("rule")
    if rule is None:
        return None
    text = extract_answer(response)
    if text is None:
        return Judged(Verdict(None, False, "rule:unanswered", "no answer found"), 0.0)
    found = read_structure(text)
    found = read_structure(response[-4000:]) if found is None else found
    given = text if rule == "judge_24points_function" else found if found is not None else text
    try:
        right = bool(RULES[rule](given, item.extra["answer"], item.extra["info"]))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        right = False
    reason = "satisfies the puzzle" if right else "does not satisfy the puzzle"
    return Judged(Verdict(text, right, f"rule:{rule}", reason), 1.0 if right else 0.0)


def read_structure(text: str):
    """The last JSON object or list in a text, or its pairs as a dict, or None."""
    for opening in reversed([m.start() for m in re.finditer(r"[\[{]", text)][-200:]):
        piece = _balanced(text, opening)
        if piece is None or (opening and _balanced_before(text, opening)):
            continue
        for parse in (json.loads, ast.literal_eval):
            try:
                value = parse(piece)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(value, dict | list):
                return value
    pairs = PAIR.findall(text)
    if pairs:
        return {key: int(value) if re.fullmatch(r"-?\d+", value) else value for key, value in pairs}
    return None


def _balanced(text: str, start: int) -> str | None:
    """The piece from an opening bracket to its partner, or None."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "[{") - (text[place] in "]}")
        if depth == 0:
            return text[start : place + 1]
    return None


def _balanced_before(text: str, start: int) -> bool:
    """Whether this bracket lies inside an outer one, which is then the one to read."""
    depth = 0
    for place in range(start - 1, -1, -1):
        depth += (text[place] in "]}") - (text[place] in "[{")
        if depth < 0:
            return _balanced(text, place) is not None and not text[:place].endswith("\\boxed")
    return False
