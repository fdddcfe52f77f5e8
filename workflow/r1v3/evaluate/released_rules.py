"""Scoring rules as others published them, to show their effect. They are never the default.

`boxed_or_judge` is what the report's released code adds to VLMEvalKit for MMMU, MMMU-Pro (standard) and
LogicVista. It compares the last `\\boxed{(.*?)}` with the answer, and the item is right if they agree or
the judge says so. The pattern stops at the first closing brace, so in `\\boxed{\\frac{3}{4}}` it reads
`\\frac{3`.
"""

import re

BOXED = re.compile(r"\\boxed\{(.*?)\}")


def released_box(response: str, gold: str) -> bool:
    """Return whether the released rule finds the answer in the last box."""
    boxes = BOXED.findall(response)
    if not boxes:
        return False
    last, gold = boxes[-1].strip(), gold.strip()
    return last == gold or _bare(last) == _bare(gold)


def _bare(text: str) -> str:
    text = re.sub(r"\$|\\[a-z]+|\s+", "", text)
    return re.sub(r"^\{|\}$", "", text).lower()


def released_is_right(rule: str, response: str, golds: tuple[str, ...], judged_right: bool) -> bool:
    """Return the verdict of the protocol `released`. Our verdict stands in for its judge's."""
    if rule == "judge":
        return judged_right
    return judged_right or (bool(golds) and released_box(response, golds[0]))


def mathvista_normalised(extraction: str | None, row: dict) -> str | None:
    """Normalise an extracted answer as MathVista does before it compares texts.

    If no option equals it, MathVista takes the option that is nearest in spelling, however far: 92.5 becomes
    97.

    Args:
        row: has question_type, answer_type, choices and precision.
    """
    text = str(extraction).strip() if extraction is not None else ""
    if row["question_type"] == "multi_choice":
        choices = row["choices"]
        letters = re.findall(r"\(([a-zA-Z])\)", text)
        text = letters[0].upper() if letters else text
        number = ord(text) - ord("A") if len(text) == 1 else -1
        if 0 <= number < len(choices):
            return choices[number]
        return min(choices, key=lambda choice: edit_distance(text, choice))
    try:
        if row["answer_type"] == "integer":
            return str(int(float(text)))
        if row["answer_type"] == "float":
            return str(round(float(text), int(row["precision"])))
    except ValueError:
        return None
    return text


def edit_distance(a: str, b: str) -> int:
    """Count the insertions, deletions and replacements that turn one text into the other."""
    above = list(range(len(b) + 1))
    for row, left in enumerate(a, 1):
        line = [row]
        for column, right in enumerate(b, 1):
            step = above[column - 1] + (left != right)
            line.append(min(above[column] + 1, line[-1] + 1, step))
        above = line
    return above[-1]
