"""MME-Reasoning: choices, open answers, and puzzles that a rule function checks.

A row without `function_id` is a choice (the set of letters must match) or open. Any other row names a
function of `puzzle_rules`. A puzzle may have many solutions, and the function checks the given one. The
original lets a model turn the answer into JSON. Here, a rule reads each function's form (`puzzle_answers`)
from the box or the answer phrase, or else from the text after the thought. An unreadable answer is unjudged.
If the row has an answer and there is a verifier, the verifier is asked.
"""

import re

from r1v3.evaluate.benchmarks import puzzle_answers as answers
from r1v3.evaluate.benchmarks.puzzle_rules import LINES, LINES_5, LINES_8, RULES
from r1v3.evaluate.items.item import Item, make_item
from r1v3.evaluate.items.rows import Row
from r1v3.evaluate.judge import Judged
from r1v3.recipe.tables.benchmarks import Benchmark
from r1v3.reward import Verdict, extract_answer
from r1v3.reward.text.extract import PHRASE_TAIL, boxed_answer, final_text

KEYS = {
    **{f"calculate_answer_function_{name}": keys for name, (keys, *_) in LINES.items()},
    "calculate_answer_function_1": "ABC",
    "calculate_answer_function_5": "".join(sorted(set(LINES_5) - {" "})),
    "calculate_answer_function_8": "".join(sorted(set(LINES_8) - {" "})),
    "calculate_answer_function_10": "ABCDEF",
    "calculate_answer_function_11": "ABCDEFG",
    "calculate_answer_function_12": "CATDOGPES",
}
READERS = {
    "match_answer_function": answers.read_pairs,
    "match_coordinate_function": answers.read_places,
    "multiple_match_function": answers.read_ids,
    "compare_expression_function": answers.read_equation,
    "judge_24points_function": answers.read_formula,
    "calculate_answer_function_hashi": answers.bridges_of,
    **{
        f"calculate_answer_function_{name}": answers.grid_of
        for name in ("skyscraper", "sudoku_4", "sudoku_6", "yinyang")
    },
}
# Answers of these functions are spread over lines, so an answer phrase gives only one of them.
SPREAD = (answers.read_pairs, answers.grid_of, answers.bridges_of)


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    rule = row.get("function_id", "")
    if rule in ("", "choice_function", "open_function"):
        if row["question_type"].lower() == "choice" or rule == "choice_function":
            letters = "".join(sorted(set(re.findall(r"[A-J]", row["answer"].upper()))))
            if not letters:
                raise ValueError(f"answer must be letters, not {row['answer']!r}")
            kind = "mcq" if len(letters) == 1 else "mcq_multi"
            choice = {"golds": (letters,), "answer_type": kind, "template": entry.prompt.choice}
            return [make_item(row, entry, **choice)]
        return [make_item(row, entry, options=None)]
    if rule not in RULES:
        raise ValueError(f"function_id {rule!r} is none of {', '.join(RULES)}")
    extra = {
        "rule": rule,
        "answer": _stated(row["answer"]) or [row["answer"]] if row["answer"] else None,
        "info": _stated(row.get("special_info", "")) or {},
    }
    return [make_item(row, entry, options=None, golds=(row["answer"],), extra=extra)]


def _stated(text: str):
    """Parse the JSON or Python of a cell; pairs such as `A: 5, B: x` are a dict too."""
    value = answers.read_structure(text)
    if value is not None:
        return value
    pairs = re.findall(r"([A-Za-z]\w*|\d+)\s*[:=]\s*[\"']?(-?\w+)", text)
    return {key: int(v) if re.fullmatch(r"-?\d+", v) else v for key, v in pairs} or None


def own_verdict(item: Item, response: str) -> Judged | None:
    rule = item.extra.get("rule")
    if rule is None:
        return None
    text = extract_answer(response)
    if text is None:
        return Judged(Verdict(None, False, "rule:unanswered", "no answer found"), 0.0)
    right = None
    try:
        given = _read(rule, text, response, item.extra)
        if given is not None:
            right = bool(RULES[rule](given, item.extra["answer"], item.extra["info"]))
    except (ArithmeticError, AttributeError, LookupError, SyntaxError, TypeError, ValueError):
        right = None
    if right is None:
        reason = "the answer is not in a form that the puzzle's rule can read"
        return Judged(Verdict(text, None, "none", reason), 0.0)
    reason = "satisfies the puzzle" if right else "does not satisfy the puzzle"
    return Judged(Verdict(text, right, f"rule:{rule}", reason), 1.0 if right else 0.0)


def _read(rule: str, text: str, response: str, extra: dict):
    """Read the answer in the rule's form; None if neither the answer nor its context has that form.

    A formula, ids or places in the context may belong to a step of the work, so only JSON is taken there.
    """
    reader = READERS.get(rule, answers.read_pairs)
    names = KEYS.get(rule, ()) or (extra["answer"] if isinstance(extra["answer"], dict) else ())
    puzzle = answers.PuzzleRow(tuple(map(str, names)), extra["answer"], extra["info"])
    whole = (final_text(response) or "")[-PHRASE_TAIL:]
    given = None
    if boxed_answer(whole) is not None or reader not in SPREAD:
        given = reader(answers.without_markup(text), puzzle)
    if given is None and reader in SPREAD:
        return reader(answers.without_markup(whole), puzzle)
    if given is None and answers.read_structure(answers.without_markup(whole)) is not None:
        return reader(answers.without_markup(whole), puzzle)
    return given
