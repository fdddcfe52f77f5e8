r"""A record's cells in the forms in which people write them: numbers, options, letters, marks of pictures.

What can be read in one way only is read; the rest is refused with what it is. An index among options could
count from 0 or from 1, so it is read from a column `answer_index` alone, which counts from 0.
"""

import contextlib
import datetime
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal

from r1v3.data.fields import NEEDED, Rejected
from r1v3.data.literals import BEGINS, read_literal
from r1v3.data.picture_cells import pictures_of
from r1v3.data.records import LETTERS
from r1v3.data.sources.row_fields import MARKS

TEXTS = (*NEEDED, "response", "date")
WRONG = "wrong type of field"
INDEX_COLUMNS = re.compile(r"|__index_level_\d+__|Unnamed: 0(?:\.\d+)?")  # as pandas writes them
LETTERED = re.compile(r"\s*[(\[（]?\s*([A-Za-z])\s*[.．、:：)\]）]\s*(.*)", re.DOTALL)
NEXT_OPTION = re.compile(r"(?:^|\s)(?=[(\[（]?\s*[A-J]\s*[.．、:：)\]）])")
LABEL = ("label", "letter", "key", "option")
TEXT = ("text", "value", "content")
WRAPPED = re.compile(r"\\boxed\{(.*)\}|\$+([^$]*)\$+", re.DOTALL)


def is_null(value: object) -> bool:
    """Whether a cell is empty: null, or the NaN that stands for it in tables of numbers."""
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))


def read_record(row: Mapping) -> dict:
    """The fields of a row whose columns are a record's.

    Raises:
        Rejected: a cell can be read in no way, or in two.
    """
    fields = {
        name: value
        for name, value in row.items()
        if not is_null(value) and not INDEX_COLUMNS.fullmatch(str(name))
    }
    if "image" in fields and "images" not in fields:
        fields["images"] = fields.pop("image")
    if "options" in fields:
        fields["options"] = options_in_cell(fields["options"])
        if not fields["options"]:
            del fields["options"]
    chosen = fields.get("answer_type") in ("mcq", "mcq_multi")
    index = fields.pop("answer_index", None)
    if index is not None:
        fields.setdefault("answer", _letter_at(index, fields.get("options") or []))
    if chosen and "answer" in fields:
        fields["answer"] = letters_of(fields["answer"], fields.get("options") or [])
    for name in TEXTS:
        if name in fields:
            fields[name] = text_of_cell(name, fields[name])
    if "language" in fields:
        fields["language"] = re.sub(r"[-_][A-Za-z]{2,4}$", "", fields["language"].strip()).lower()
    if isinstance(fields.get("meta"), list):
        fields["meta"] = _of_pairs(fields["meta"])
    return _with_marks(fields)


def text_of_cell(name: str, value: object) -> object:
    """A cell as text: numbers as people write them, dates as ISO 8601 does, one text of a list.

    What has no such form is given back as it is, for the check of a record to refuse.
    """
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            raise Rejected("not valid Unicode", name) from None
    if isinstance(value, bool):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Rejected(WRONG, f"{name} is {value}")
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        try:
            return str(value)
        except ValueError:
            raise Rejected(
                "text is too long", f"{name} is a number of thousands of digits"
            ) from None
    return format(value, "f") if isinstance(value, Decimal) and value.is_finite() else value


def options_in_cell(cell: object) -> list[object]:
    """The options of a cell, in order and without their letters.

    A cell is a list, an object by letters (`{"A": ...}`), an object of labels and texts, a list of such
    pairs, or a text: JSON, a Python literal, or lines that begin with their letters.

    Raises:
        Rejected: the cell is none of these, or its letters are not A, B, C without a gap.
    """
    if isinstance(cell, str):
        cell = _parsed_options(cell)
    if isinstance(cell, Mapping):
        return _of_object(cell)
    if not isinstance(cell, Iterable) or isinstance(cell, bytes):
        raise Rejected(WRONG, f"options is {type(cell).__name__}")
    found = list(cell)
    if len(found) == 1 and isinstance(found[0], list | tuple):  # a list in a list
        found = list(found[0])
    while found and (is_null(found[-1]) or found[-1] == ""):
        found.pop()
    if found and all(isinstance(each, tuple) and len(each) == 2 for each in found):
        return _of_object(dict(found))
    if found and all(isinstance(each, Mapping) for each in found):
        return _of_object(dict(_labelled(each) for each in found))
    if any(is_null(each) for each in found):
        raise Rejected("wrong options", "one of them is empty")
    found = [text_of_cell("options", each) for each in found]
    cut = [LETTERED.fullmatch(each) if isinstance(each, str) else None for each in found]
    letters = "".join(each[1] for each in cut if each)
    if len(letters) == len(found) > 1 and _are_letters(letters):
        return _of_object({each[1]: each[2] for each in cut if each})
    return found


def letters_of(answer: object, options: list[object]) -> object:
    """The letter or letters that an answer stands for: written as such, in a wrapper, or as an option's text.

    Raises:
        Rejected: it is a number that is no option's text, and could be an index.
    """
    if isinstance(answer, list | tuple) and len(answer) > 1:
        parts = [letters_of(each, options) for each in answer]
        if all(isinstance(each, str) and re.fullmatch("[A-J]", each) for each in parts):
            return "".join(map(str, parts))
    answer = text_of_cell("answer", answer)
    if not isinstance(answer, str):
        return answer
    text = answer.strip()
    if wrapped := WRAPPED.fullmatch(text):
        text = (wrapped[1] if wrapped[2] is None else wrapped[2]).strip()
    allowed = LETTERS[: len(options)] if options else LETTERS
    plain = re.sub(r"[\s,;.、()]", "", unicodedata.normalize("NFKC", text)).upper()
    if plain and not set(plain) - set(allowed):
        return plain
    texts = [str(each).strip() for each in options]
    if texts.count(text) == 1:
        return LETTERS[texts.index(text)]
    begins = LETTERED.fullmatch(text)
    letter = begins[1].upper() if begins and options else ""
    if begins and letter in allowed and texts[allowed.find(letter)] == begins[2].strip():
        return letter
    if options and re.fullmatch(r"\d{1,2}", text):
        raise Rejected(
            "wrong answer letter",
            f"{text} of {allowed}: an index from 0 belongs into the column answer_index",
        )
    return answer


def _letter_at(index: object, options: list[object]) -> str:
    if isinstance(index, float) and index.is_integer():
        index = int(index)
    if isinstance(index, str) and index.strip().isdecimal():
        index = int(index)
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(options):
        raise Rejected("wrong answer letter", f"index {index!r} of {len(options)} options")
    return LETTERS[index] if index < len(LETTERS) else ""


def _parsed_options(text: str) -> object:
    if not text.strip():
        return []
    if text.lstrip().startswith(BEGINS):
        with contextlib.suppress(ValueError):
            return read_literal(text)
    parts = [part.strip() for part in NEXT_OPTION.split(text) if part.strip()]
    cut = [LETTERED.fullmatch(part) for part in parts]
    letters = "".join(each[1] for each in cut if each)
    if len(letters) == len(parts) > 1 and _are_letters(letters):
        return {each[1]: each[2] for each in cut if each}
    raise Rejected(WRONG, "options is neither JSON nor lines that begin with A, B, C")


def _of_object(cell: Mapping) -> list[object]:
    """Options by their letters, in the order of these."""
    lists = [next((cell[name] for name in names if name in cell), None) for names in (LABEL, TEXT)]
    if all(isinstance(each, list) for each in lists) and len(lists[0]) == len(lists[1]):  # type: ignore
        cell = dict(zip(*lists, strict=True))  # type: ignore[arg-type]
    given = {str(key).strip(" .:()"): value for key, value in cell.items()}
    filled = {key.upper(): each for key, each in given.items() if not is_null(each) and each != ""}
    if len(filled) != sum(not is_null(each) and each != "" for each in cell.values()):
        raise Rejected("wrong options", "two have one letter")
    if not filled:
        return []
    if not _are_letters("".join(filled)) or any(len(key) != 1 for key in filled):
        raise Rejected("wrong options", f"named {', '.join(map(str, cell))}"[:200])
    return [text_of_cell("options", filled[key]) for key in sorted(filled)]


def _labelled(option: Mapping) -> tuple[object, object]:
    key, value = (
        next((option[name] for name in names if name in option), None) for names in (LABEL, TEXT)
    )
    if key is None or value is None:
        raise Rejected(WRONG, f"an option is an object of {', '.join(map(str, option))}"[:200])
    return key, value


def _are_letters(letters: str) -> bool:
    """Whether these are A, B, C and so on, each once, in any order and case."""
    return bool(letters) and sorted(letters.upper()) == list(LETTERS[: len(letters)])


def _of_pairs(cell: list) -> object:
    """A map of Parquet, which comes as a list of pairs."""
    if all(isinstance(each, tuple) and len(each) == 2 for each in cell):
        return dict(cell)
    return cell


def _with_marks(fields: dict) -> dict:
    """The question with our marker for each mark of a picture; numbered marks put pictures in their order.

    Raises:
        Rejected: a number is that of no picture, or stands twice.
    """
    question = fields.get("question")
    if not isinstance(question, str):
        return fields
    marks = list(MARKS.finditer(question))
    if not marks:
        return fields
    fields["question"] = MARKS.sub("<image>", question)
    numbers = [int(each["number"]) for each in marks if each["number"]]
    if not numbers or len(numbers) != len(marks):
        return fields
    pictures = pictures_of(fields.get("images"))
    first = 0 if 0 in numbers else 1
    for number in numbers:
        if not first <= number < first + len(pictures):
            raise Rejected("markers do not fit", f"picture {number} of {len(pictures)}")
    if len(set(numbers)) < len(numbers):
        raise Rejected("markers do not fit", f"a picture is marked twice, of {len(pictures)}")
    if len(numbers) == len(pictures):
        fields["images"] = [pictures[number - first] for number in numbers]
    return fields
