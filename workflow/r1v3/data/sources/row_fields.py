"""Functions for all mappings: they read the cells of a row, and the picture marks in its question."""

import json
import re

from r1v3.data.fields import KNOWN, Rejected
from r1v3.data.picture_cells import pictures_of
from r1v3.data.records import LETTERS
from r1v3.data.sources.cell_texts import text_of_cell

CJK = re.compile(r"[\u4e00-\u9fff]")
INLINE = re.compile(
    r"(?:^|[\n\s?？。！）])\(?([A-D])[.．、:)]\s*(.+?)(?=(?:[\n\s]\(?[A-D][.．、:)])|$)", re.DOTALL
)
# Marks for a picture in a text, as sets, servers and models write them.
MARKS = re.compile(
    r"<img><IMG_CONTEXT></img>|<\|vision_start\|><\|image_pad\|><\|vision_end\|>|<image></image>|"
    r"(?:<\|?|(?<!\w)\[)(?:image|img)(?:[ _-]?(?:here|placeholder|pad|context))?[ _-]?(?P<number>\d*)"
    r"\s?/?(?:\|?>|\])|!\[[^\]\n]{0,80}\]\([^()\s]{1,200}\)",
    re.IGNORECASE,
)


def language_of(text: str) -> str:
    """Return `zh` if at least a tenth of the letters are Chinese, else `en`."""
    return "zh" if 10 * len(CJK.findall(text)) >= max(1, sum(map(str.isalpha, text))) else "en"


def inline_options(question: str) -> list[str]:
    """Return the options in a question's text (`A. ... B. ...`), in order; none unless they begin with A."""
    found = [(letter, text.strip()) for letter, text in INLINE.findall(question)]
    for begin in range(len(found)):
        letters = "".join(letter for letter, _ in found[begin:])
        if letters and "ABCD".startswith(letters) and len(letters) > 1:
            return [text for _, text in found[begin:]]
    return []


def marked(question: str, pictures: int) -> str:
    """Return a question with our marker for each picture; without markers if their number does not fit."""
    question = MARKS.sub("<image>", question)
    if question.count("<image>") == pictures:
        return question
    return question.replace("<image>", "").strip()


def with_pictured_options(question: str, options: list | tuple | None) -> dict:
    """Return question and options. If options contain picture marks, they become lines of the question.

    Only the markers of a question are counted.
    """
    if not any(isinstance(each, str) and MARKS.search(each) for each in options or ()):
        return {"question": question, "options": options}
    lines = [f"{letter}. {text}" for letter, text in zip(LETTERS, options or (), strict=False)]
    return {"question": "\n".join([question, *lines]), "options": None}


def with_known(row: dict, **fields) -> dict:
    """Return mapped fields and those set by the entry's constants. The mapping's own fields win."""
    return {**{key: row[key] for key in KNOWN & row.keys() - {"image"}}, **fields}


def text_of(row: dict, name: str) -> str:
    """Return a text cell, or a number as text; reject a missing cell or one of another type."""
    value = row.get(name)
    if isinstance(value, int | float):
        value = text_of_cell(name, value)
    if not isinstance(value, str):
        raise Rejected("missing field" if value is None else "wrong type of field", name)
    return value


def json_of(name: str, text: str, kind: type):
    """Parse a cell as JSON of the given type; reject other cells."""
    try:
        value = json.loads(text)
    except ValueError:
        raise Rejected("wrong type of field", f"{name} is no JSON") from None
    if not isinstance(value, kind):
        raise Rejected("wrong type of field", f"{name} is {type(value).__name__}")
    return value


def picture_in(row: dict, name: str) -> object:
    """Return a cell that must contain a picture."""
    if not pictures_of(row.get(name)):
        raise Rejected("picture is missing", name)
    return row[name]
