r"""Reads a record's cells in the forms that people write: numbers, options, letters, picture marks.

Only forms with one meaning are read; others are rejected with a description. An index among options could
count from 0 or from 1, so only the column `answer_index` is read as one; it counts from 0.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence

from r1v3.data.fields import KNOWN, NEEDED, Rejected
from r1v3.data.literals import BEGINS, read_literal
from r1v3.data.picture_cells import pictures_of
from r1v3.data.records import LETTERS
from r1v3.data.sources.cell_texts import EMPTY, WRONG, is_null, text_of_cell
from r1v3.data.sources.letters import LETTERED, letters_of
from r1v3.data.sources.row_fields import MARKS, with_pictured_options

TEXTS = (*NEEDED, "response", "date")
INDEX_COLUMNS = re.compile(r"|__index_level_\d+__|Unnamed: 0(?:\.\d+)?")  # as pandas names them
NEXT_OPTION = re.compile(r"(?:^|\s)(?=[(\[（]?\s*[A-J]\s*[.．、:：)\]）])")
OURS = {*KNOWN, "image", "answer_index"}
LABEL = ("label", "letter", "key", "option", "id")
TEXT = ("text", "value", "content")
YEAR_FIRST = re.compile(
    r"(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2}))?)?(?:日|月|年)?(?:[T ]\d{1,2}:\d{2}.{0,25})?"
)
KINDS = {
    "multiple choice": "mcq", "multi choice": "mcq", "choice": "mcq", "single choice": "mcq",
    "选择题": "mcq", "单选题": "mcq", "多选题": "mcq_multi", "mcq multi": "mcq_multi",
    "fill in the blank": "fill", "fill in blank": "fill", "blank": "fill", "填空题": "fill",
    "free form": "fill", "short answer": "fill", "open ended": "open", "解答题": "open",
}  # fmt: skip
NAMED = re.compile(r"(?:option|choice|opt)?[\s_-]*([A-Za-z])", re.IGNORECASE)  # key of an option
META = "meta."  # prefix of `rename` names whose columns a record stores in its `meta`


def read_record(row: Mapping) -> dict:
    """Return the fields of a row that has a record's columns.

    Raises:
        Rejected: a cell cannot be read, or has two meanings.
    """
    fields = {
        name: value
        for name, value in row.items()
        if not _is_empty(value) and not INDEX_COLUMNS.fullmatch(str(name))
    }
    fields = _with_our_names(fields)
    if "image" in fields and "images" not in fields:
        fields["images"] = fields.pop("image")
    if "options" in fields:
        fields["options"] = options_in_cell(fields["options"])
        if not fields["options"]:
            del fields["options"]
    if isinstance(kind := fields.get("answer_type"), str):
        plain = re.sub(r"[\s_-]+", " ", kind.strip().lower())
        fields["answer_type"] = KINDS.get(plain, kind.strip().lower())
    chosen = fields.get("answer_type") in ("mcq", "mcq_multi")
    index = fields.pop("answer_index", None)
    if index is not None:
        fields.setdefault("answer", letter_at(index, fields.get("options") or []))
    if chosen and "answer" in fields:
        fields["answer"] = letters_of(fields["answer"], fields.get("options") or [])
    for name in TEXTS:
        if name in fields:
            fields[name] = text_of_cell(name, fields[name])
    if isinstance(fields.get("language"), str):
        fields["language"] = re.sub(r"[-_][A-Za-z]{2,4}$", "", fields["language"].strip()).lower()
    if isinstance(fields.get("date"), str):
        fields["date"] = iso_date_of(fields["date"])
    if isinstance(fields.get("meta"), list):
        fields["meta"] = _of_pairs(fields["meta"])
    if isinstance(fields.get("question"), str) and fields.get("options"):
        fields |= with_pictured_options(fields["question"], fields["options"])
    return with_marks(fields)


def _is_empty(cell: object) -> bool:
    return is_null(cell) or (isinstance(cell, str) and cell.strip() in EMPTY)


def _with_our_names(row: dict) -> dict:
    """Return the row with our names for `Question` and ` answer `, and with `meta.` columns as `meta`."""
    fields: dict = {}
    meta: dict[str, object] = {}
    for name, value in row.items():
        text = str(name)
        plain = text.strip().lower()
        if text.startswith(META):
            meta[text.removeprefix(META)] = value
        else:
            ours = plain in OURS and plain not in row and plain not in fields
            fields[plain if ours else name] = value
    if meta and isinstance(fields.setdefault("meta", {}), Mapping):
        fields["meta"] = {**fields["meta"], **meta}
    return fields


def iso_date_of(text: str) -> str:
    """Return a date that begins with its year in ISO 8601, without the time of day; other texts unchanged."""
    found = YEAR_FIRST.fullmatch(text.strip())
    if not found:
        return text.strip()
    return "-".join(part.zfill(2) for part in found.groups() if part)


def options_in_cell(cell: object) -> list[object]:
    """Return the options of a cell, in order and without their letters.

    A cell is a list, an object by letters (`{"A": ...}`), an object of labels and texts, a list of such
    pairs, or a text. The text is JSON, a Python literal, or lines that begin with their letters.

    Raises:
        Rejected: the cell has none of these forms, or its letters are not A, B, C without a gap.
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
    if found and all(map(_is_pair, found)) and _are_letters("".join(each[0] for each in found)):  # type: ignore
        return _of_object(dict(found))  # type: ignore[arg-type]
    if found and all(isinstance(each, Mapping) for each in found):
        return _of_objects(found)  # type: ignore[arg-type]
    if any(is_null(each) for each in found):
        raise Rejected("wrong options", "one of them is empty")
    found = [
        str(each) if isinstance(each, bool) else text_of_cell("options", each) for each in found
    ]
    cut = [LETTERED.fullmatch(each) if isinstance(each, str) else None for each in found]
    letters = "".join(each[1] for each in cut if each)
    if len(letters) == len(found) > 1 and _are_letters(letters):
        return _of_object({each[1]: each[2] for each in cut if each})
    return found


def letter_at(index: object, options: Sequence[object]) -> str:
    """Return the letter of an option by its index from 0, also if a program wrote it as `1.0` or as text.

    Raises:
        Rejected: no option has this index.
    """
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
    """Return options given by letter, in the order of the letters."""
    lists = [next((cell[name] for name in names if name in cell), None) for names in (LABEL, TEXT)]
    if all(isinstance(each, list) for each in lists) and len(lists[0]) == len(lists[1]):  # type: ignore
        cell = dict(zip(*lists, strict=True))  # type: ignore[arg-type]
    given = {str(key).strip(" .:()"): value for key, value in cell.items()}
    named = [NAMED.fullmatch(key) for key in given]
    if all(named):
        letters = [each[1] for each in named if each]
        if len({each.upper() for each in letters}) == len(given):
            given = dict(zip(letters, given.values(), strict=True))
    filled = {key.upper(): each for key, each in given.items() if not is_null(each) and each != ""}
    if len(filled) != sum(not is_null(each) and each != "" for each in cell.values()):
        raise Rejected("wrong options", "two have one letter")
    if not filled:
        return []
    if not _are_letters("".join(filled)) or any(len(key) != 1 for key in filled):
        if empty := [str(key) for key in given if key.upper() not in filled]:
            raise Rejected("wrong options", f"{', '.join(empty)} is empty"[:200])
        raise Rejected("wrong options", f"named {', '.join(map(str, cell))}"[:200])
    return [text_of_cell("options", filled[key]) for key in sorted(filled)]


def _is_pair(option: object) -> bool:
    return isinstance(option, list) and len(option) == 2 and isinstance(option[0], str)


def _of_objects(options: list[Mapping]) -> list[object]:
    """Return options that are objects: with a label and a text, with only a text, or with one letter."""
    alone = [next((each[name] for name in TEXT if name in each), None) for each in options]
    labels = any(name in each for each in options for name in LABEL)
    if not labels and not any(each is None for each in alone):
        return options_in_cell(alone)
    if all(len(each) == 1 for each in options):
        merged = {str(key): value for each in options for key, value in each.items()}
        if len(merged) == len(options) and _are_letters("".join(merged)):
            return _of_object(merged)
    return _of_object(dict(_labelled(each) for each in options))


def _labelled(option: Mapping) -> tuple[object, object]:
    key, value = (
        next((option[name] for name in names if name in option), None) for names in (LABEL, TEXT)
    )
    if key is None or value is None:
        raise Rejected(WRONG, f"an option is an object of {', '.join(map(str, option))}"[:200])
    return key, value


def _are_letters(letters: str) -> bool:
    """Return whether these are A, B, C and so on, each once, in any order and case."""
    return bool(letters) and sorted(letters.upper()) == list(LETTERS[: len(letters)])


def _of_pairs(cell: list) -> object:
    """Return a Parquet map, which is read as a list of pairs, as a dict; return other lists unchanged."""
    if all(isinstance(each, tuple) and len(each) == 2 for each in cell):
        return dict(cell)
    return cell


def with_marks(fields: dict) -> dict:
    """Replace all picture marks in the question by our marker; numbered marks also order the pictures.

    Raises:
        Rejected: a number belongs to no picture, or occurs twice.
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
