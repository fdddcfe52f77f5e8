"""What the mappings of all sources share: reading a row's cells, and the pictures' marks in its question."""

import json
import re

from r1v3.data.fields import KNOWN, Rejected
from r1v3.data.picture_cells import pictures_of
from r1v3.data.sources.cell_texts import text_of_cell

CJK = re.compile(r"[\u4e00-\u9fff]")
INLINE = re.compile(
    r"(?:^|[\n\s?？。！）])\(?([A-D])[.．、:)]\s*(.+?)(?=(?:[\n\s]\(?[A-D][.．、:)])|$)", re.DOTALL
)
# What stands for a picture in a text, as sets, servers and models write it.
MARKS = re.compile(
    r"<img><IMG_CONTEXT></img>|<\|vision_start\|><\|image_pad\|><\|vision_end\|>|<image></image>|"
    r"(?:<\|?|(?<!\w)\[)(?:image|img)(?:[ _-]?(?:here|placeholder|pad|context))?[ _-]?(?P<number>\d*)"
    r"\s?/?(?:\|?>|\])|!\[[^\]\n]{0,80}\]\([^()\s]{1,200}\)",
    re.IGNORECASE,
)


def language_of(text: str) -> str:
    """`zh` where a tenth of the letters or more are Chinese, else `en`."""
    return "zh" if 10 * len(CJK.findall(text)) >= max(1, sum(map(str.isalpha, text))) else "en"


def inline_options(question: str) -> list[str]:
    """The options that stand in a question as `A. ... B. ...`, in order; none unless they begin with A."""
    found = [(letter, text.strip()) for letter, text in INLINE.findall(question)]
    for begin in range(len(found)):
        letters = "".join(letter for letter, _ in found[begin:])
        if letters and "ABCD".startswith(letters) and len(letters) > 1:
            return [text for _, text in found[begin:]]
    return []


def marked(question: str, pictures: int) -> str:
    """A question with our marker for each picture, or with none, so that pictures come first."""
    question = MARKS.sub("<image>", question)
    if question.count("<image>") == pictures:
        return question
    return question.replace("<image>", "").strip()


def with_pictured_options(question: str, options: list | tuple | None) -> dict:
    """Question and options; options that are pictures stand as lettered lines in the question.

    Markers count in a question alone.
    """
    if not any(isinstance(each, str) and MARKS.search(each) for each in options or ()):
        return {"question": question, "options": options}
    lines = [f"{letter}. {text}" for letter, text in zip("ABCDEFGHIJ", options or (), strict=False)]
    return {"question": "\n".join([question, *lines]), "options": None}


def with_known(row: dict, **fields) -> dict:
    """Mapped fields, and those that the entry's constants have set; the mapping's own come first."""
    return {**{key: row[key] for key in KNOWN & row.keys() - {"image"}}, **fields}


def text_of(row: dict, name: str) -> str:
    """A cell of text, or a number as text; refused where it is missing or another thing."""
    value = row.get(name)
    if isinstance(value, int | float):
        value = text_of_cell(name, value)
    if not isinstance(value, str):
        raise Rejected("missing field" if value is None else "wrong type of field", name)
    return value


def json_of(name: str, text: str, kind: type):
    """What a cell holds as JSON; refused where it is of another kind."""
    try:
        value = json.loads(text)
    except ValueError:
        raise Rejected("wrong type of field", f"{name} is no JSON") from None
    if not isinstance(value, kind):
        raise Rejected("wrong type of field", f"{name} is {type(value).__name__}")
    return value


def picture_in(row: dict, name: str) -> object:
    """A cell that must hold a picture."""
    if not pictures_of(row.get(name)):
        raise Rejected("picture is missing", name)
    return row[name]
