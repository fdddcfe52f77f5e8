"""OlympiadBench: open answers with units, several at once, each with its own tolerance.

`final_answer` is a list with the answer; several answers are joined by commas. `error` is the absolute
tolerance, or one for each answer. An empty one means 1e-8; a missing one, or one that is no number (`10%`),
means none. Several answers are compared as a set: each must have its own partner. Proofs (`TP`) are not
asked, and items without a picture (`TO`) are not part of this benchmark.
"""

from typing import Any

from r1v3.evaluate.items.cells import read_list
from r1v3.evaluate.items.item import Item, make_item
from r1v3.evaluate.items.rows import Row
from r1v3.evaluate.judge import Judged
from r1v3.recipe.tables.benchmarks import Benchmark
from r1v3.reward import Verdict, extract_answer, grade

KINDS = {
    "Numerical": ("a numerical value", "数值"),
    "Expression": ("an expression", "表达式"),
    "Equation": ("an equation", "方程"),
    "Interval": ("an interval", "区间"),
}


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    if not _asked(row):
        return []
    gold = ", ".join(str(answer).strip("$ ") for answer in read_list(row["final_answer"]))
    if not gold:
        raise ValueError("the column final_answer is empty: there is no right answer")
    errors = [_tolerance(error) for error in row.get("error", "").split(",")]
    several = row.get("is_multiple_answer", "").lower() == "true"
    subject, language = _subject(row), _language(row)
    changes: dict[str, Any] = {
        **describe_row(row, entry)[0],
        "golds": (gold,),
        "tolerance": errors[0] if row.get("error", "") and len(errors) == 1 else None,
        "extra": {"several": several, "errors": errors if row.get("error", "") else []},
    }
    if "{request}" in entry.prompt.open:
        context = row.get("context", "") if subject == "physics" else ""
        question = f"{context}\n{row['question']}" if context else row["question"]
        changes["text"] = f"{_request(row, several, subject, language)}\n{question}"
    return [make_item(row, entry, **changes)]


def describe_row(row: Row, entry: Benchmark) -> list[dict[str, Any]]:
    columns = {"source": row["source"], "subject": _subject(row), "language": _language(row)}
    known = {"key": row["index"], "cluster": row["index"], "columns": columns}
    return [{**known, "extra": {"several": False, "errors": []}}] if _asked(row) else []


def _asked(row: Row) -> bool:
    return not any(f"_{kind}_" in f"_{row['source']}_" for kind in ("TP", "TO"))


def _subject(row: Row) -> str:
    return "maths" if "maths" in row["source"] else "physics"


def _language(row: Row) -> str:
    return "zh" if "_zh_" in row["source"] else "en"


def _tolerance(text: str) -> float | None:
    if not text.strip():
        return 1e-8
    try:
        return float(text)
    except ValueError:
        return None


def own_verdict(item: Item, response: str) -> Judged | None:
    golds = split_answers(item.golds[0])
    if not item.extra["several"] or len(golds) < 2:
        return None
    extracted = extract_answer(response)
    if extracted is None:
        return None
    given = split_answers(extracted)
    errors: list[float | None] = item.extra["errors"] or [None]
    errors = errors * len(golds) if len(errors) == 1 else errors
    errors = (errors + [None] * len(golds))[: len(golds)]
    right = len(given) == len(golds) and _paired(given, golds, errors)
    reason = (
        f"{len(given)} answers given, {len(golds)} wanted, {'all' if right else 'not all'} equal"
    )
    return Judged(Verdict(extracted, right, "rule:several", reason), 1.0 if right else 0.0)


def split_answers(text: str) -> list[str]:
    """Split at commas outside brackets; a plus-minus is two answers."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts = [part.strip(" $") for part in [*parts, text[start:]] if part.strip(" $")]
    return [
        part.replace("\\pm", sign, 1).replace(" ", "").removeprefix("+") if "\\pm" in part else part
        for part in parts
        for sign in ("+-" if "\\pm" in part else "+")
    ]


def _paired(given: list[str], golds: list[str], errors: list[float | None]) -> bool:
    """Return whether each right answer has its own equal among the given ones."""
    left = list(given)
    for gold, error in zip(golds, errors, strict=True):
        found = next(
            (g for g in left if grade(f"\\boxed{{{g}}}", gold, "open", tolerance=error).correct),
            None,
        )
        if found is None:
            return False
        left.remove(found)
    return True


def _request(row: Row, several: bool, subject: str, language: str) -> str:
    """Return OlympiadBench's own request, by language, subject, answer type and number of answers."""
    chinese = language == "zh"
    kinds = [
        next((names[chinese] for kind, names in KINDS.items() if kind in part), "")
        for part in row.get("answer_type", "").split(",")
    ]
    named = all(kinds) and "Tuple" not in row["answer_type"]
    unit = bool(row.get("unit", ""))
    return (_chinese if chinese else _english)(subject, several, unit, kinds if named else [])


def _chinese(subject: str, several: bool, unit: bool, kinds: list[str]) -> str:
    topic = "数学" if subject == "maths" else "物理"
    kind = ""
    if kinds and several:
        same = len(set(kinds)) == 1
        kind = f"，题目有多个答案，答案类型{'均' if same else '分别'}为{'、'.join(dict.fromkeys(kinds))}"
    elif kinds:
        kind = f"，答案类型为{kinds[0]}"
    box = r"\boxed{用英文逗号连接的多个答案}" if several else r"\boxed{答案}"
    note = r"，注意答案的单位不要放在\boxed{}中" if unit else ""
    return (
        f"以下是中国{topic}竞赛中的解答题{kind}。请根据题目的要求和所提供的信息计算得出答案。"
        "解答过程和结果中使用的变量和公式请使用LaTeX格式表示。"
        f'请在最后以"所以最终答案是{box}{"(单位)" if unit else ""}。"显式给出结果{note}。'
    )


def _english(subject: str, several: bool, unit: bool, kinds: list[str]) -> str:
    topic = "Math" if subject == "maths" else "Physics"
    kind = ""
    if kinds and several and len(set(kinds)) > 1:
        kind = f"The problem has multiple answers, with the answers in order being {', '.join(kinds)}. "
    elif kinds and several:
        kind = f"The problem has multiple answers, each of them should be {kinds[0]}. "
    elif kinds:
        kind = f"The answer of The problem should be {kinds[0]}. "
    box = r"\boxed{multiple answers connected with commas}" if several else r"\boxed{answer}"
    note = r", note that the unit of the answer should not be included in \boxed{}" if unit else ""
    return (
        f"The following is an open-ended problem from an International {topic} competition. "
        f"{kind}Please calculate the answer according to the given requirements and the information "
        "provided. Please use LaTeX format to represent the variables and formulas used in the "
        "solution process and results. Please end your solution with "
        f'"So the final answer is {box}{"(unit)" if unit else ""}." '
        f"and give the result explicitly{note}."
    )
