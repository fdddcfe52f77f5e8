"""Converts a raw row into a record, or rejects it with a reason. Nothing is guessed.

A row is a mapping with a record's fields. `r1v3.data.picture_cells` lists the forms of a picture.
"""

import json
import re
from collections.abc import Iterable, Mapping

from PIL import Image

from r1v3.data.entities import without_entities
from r1v3.data.fields import KNOWN, NEEDED, Rejected
from r1v3.data.picture_cells import content, pictures_of
from r1v3.data.picture_files import PictureFiles
from r1v3.data.pictures import AdmittedPicture, admit
from r1v3.data.records import ANSWER_TYPES, LETTERS, Record
from r1v3.data.sampling.filters import tells_answer
from r1v3.data.tex import with_backslashes
from r1v3.recipe.schema.cleaning import Limits
from r1v3.recipe.tables.dates import is_date

SHORT = {"id": 200, "answer_type": 20, "domain": 100, "difficulty": 100, "language": 20,
         "source": 200, "licence": 200, "split": 20, "date": 30}  # fmt: skip
LANGUAGE = re.compile(r"[a-z]{2,3}")
SPLITS = ("train", "validation", "test")
CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
TEXTS = ("question", "answer", "response")  # fields that may contain TeX
MENDS = (
    (with_backslashes, "lost backslashes of TeX"),
    (without_entities, "characters of HTML"),
)


class Validator:
    """Checks rows one by one. It stores ids as 64-bit hashes, to find ids that occur twice.

    Args:
        limits: limits of texts and pictures.
        pictures: reader of the rows' pictures; it may change from row to row.
    """

    def __init__(self, limits: Limits, pictures: PictureFiles | None = None):
        self.limits, self.pictures = limits, pictures
        self._ids: set[int] = set()

    def __call__(self, row: Mapping) -> tuple[Record, list[AdmittedPicture]]:
        """Return the record, whose `images` are still empty, and its decoded pictures.

        Raises:
            Rejected: the row is not valid; the message is the reason.
        """
        if not isinstance(row, Mapping):
            raise Rejected("not a row of fields", type(row).__name__)
        missing = [name for name in NEEDED if row.get(name) is None]
        strange = sorted(map(str, set(row) - KNOWN))
        if missing:
            others = f"; other columns are {', '.join(strange)}"[:200] if strange else ""
            raise Rejected("missing field", ", ".join(missing) + others)
        if strange:
            names = ", ".join(strange)[:200]
            raise Rejected("unknown field", f"{names}; rename to `meta.<name>` what is to be kept")
        row, mended = _mended(row)
        texts: dict[str, str] = {name: self._text(name, row[name]) for name in NEEDED}
        response, date = (self._optional_text(row, name) for name in ("response", "date"))
        options = self._options(row.get("options"))
        _check_words(texts, date)
        texts["answer"] = _answer(texts["answer"], texts["answer_type"], options)
        pictures = self._pictures(row.get("images"))
        marked = texts["question"].count("<image>")
        if marked not in (0, len(pictures)):
            raise Rejected("markers do not fit", f"{marked} for {len(pictures)} pictures")
        key = hash(texts["id"])
        if key in self._ids:
            raise Rejected("duplicate id", texts["id"])
        self._ids.add(key)
        edits = [*self._edits(row.get("edits")), *mended]
        for number, picture in enumerate(pictures, 1):
            edits += [f"validate: picture {number}: {edit}" for edit in picture.edits]
        meta = _meta(row.get("meta"))
        record = Record(
            **texts,
            options=options,
            images=(),
            response=response,
            date=date,
            edits=tuple(edits),
            meta=meta,
        )
        if tells_answer(record.question, record.answer):
            raise Rejected("question tells its answer", record.answer)
        return record, pictures

    def first_picture(self, row: Mapping) -> Image.Image | None:
        """Return the first picture of a rejected row, or None if it cannot be shown."""
        try:
            pictures = pictures_of(row.get("images"))
            return self._picture(pictures[0]).image if pictures else None
        except Rejected:
            return None

    def _optional_text(self, row: Mapping[str, object], name: str) -> str | None:
        value = row.get(name)
        return None if value is None else self._text(name, value)

    def _text(self, name: str, value: object) -> str:
        if not isinstance(value, str):
            raise Rejected("wrong type of field", f"{name} is {type(value).__name__}")
        if len(value) > min(SHORT.get(name, 10**12), self.limits.max_characters):
            raise Rejected("text is too long", f"{name} has {len(value):,} characters")
        if "\0" in value:
            raise Rejected("null byte", name)
        if CONTROL.search(value):
            raise Rejected("control character", name)
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise Rejected("not valid Unicode", name) from None
        if not value.strip():
            raise Rejected("empty field", name)
        return value

    def _edits(self, edits: object) -> list[str]:
        """Return the earlier edits of the row. A single text is one edit."""
        if edits is None:
            return []
        if isinstance(edits, str):
            edits = [edits]
        if isinstance(edits, bytes | Mapping) or not isinstance(edits, Iterable):
            raise Rejected("wrong type of field", f"edits is {type(edits).__name__}")
        return [self._text("edits", text) for each in edits if (text := str(each)).strip()]

    def _options(self, options: object) -> tuple[str, ...] | None:
        if options is None:
            return None
        if isinstance(options, str) or not isinstance(options, Iterable):
            raise Rejected("wrong type of field", f"options is {type(options).__name__}")
        options = tuple(self._text("options", each) for each in options)
        if not 2 <= len(options) <= len(LETTERS):
            raise Rejected("wrong options", f"{len(options)} of them")
        if len({each.strip() for each in options}) < len(options):
            raise Rejected("wrong options", "two are the same")
        return options

    def _pictures(self, images: object) -> list[AdmittedPicture]:
        return [self._picture(each) for each in pictures_of(images)]

    def _picture(self, picture: object) -> AdmittedPicture:
        assert self.pictures is not None, "pictures must be set before the first row that has some"
        data, name = content(picture, self.pictures, self.limits.max_bytes)
        return admit(data, name, self.limits)


def _mended(row: Mapping) -> tuple[Mapping, list[str]]:
    """Return the row with restored backslashes and replaced HTML names, and a list of the changes."""
    edits: list[str] = []
    changed = dict(row)
    for name in (*TEXTS, "options"):
        mends = MENDS if name != "response" else MENDS[:1]
        for mend, what in mends:
            before = changed.get(name)
            if isinstance(before, str):
                after: object = mend(before)
            elif name == "options" and isinstance(before, Iterable) and not _is_text(before):
                before = list(before)
                after = [mend(each) if isinstance(each, str) else each for each in before]
            else:
                continue
            if after != before:
                changed[name] = after
                edits.append(f"validate: {name}: {what}")
    return (changed, edits) if edits else (row, [])


def _is_text(value: object) -> bool:
    return isinstance(value, str | bytes | Mapping)


def _check_words(texts: dict[str, str], date: str | None) -> None:
    if texts["answer_type"] not in ANSWER_TYPES:
        raise Rejected(
            "unknown answer type", f"{texts['answer_type']}, none of {', '.join(ANSWER_TYPES)}"
        )
    if texts["split"] not in SPLITS:
        raise Rejected("unknown split", texts["split"])
    if not LANGUAGE.fullmatch(texts["language"]):
        raise Rejected("unknown language", texts["language"])
    if date is not None and not is_date(date):
        raise Rejected("not a date", f"{date}, where 2023, 2023-05 or 2023-05-01 is expected")


def _answer(answer: str, kind: str, options: tuple[str, ...] | None) -> str:
    """Return the answer; letters are in upper case, and sorted if several may be correct."""
    if kind not in ("mcq", "mcq_multi"):
        return answer
    allowed = LETTERS[: len(options)] if options else LETTERS
    letters = re.sub(r"[\s,;.()]", "", answer).upper()
    one = kind == "mcq"
    if not letters or set(letters) - set(allowed) or (one and len(letters) != 1):
        raise Rejected("wrong answer letter", f"{answer[:50]!r} of {allowed}")
    return "".join(sorted(set(letters)))


def _meta(meta: object) -> dict:
    if isinstance(meta, str):
        try:
            meta = json.loads(meta)
        except (ValueError, RecursionError):
            raise Rejected("wrong type of field", "meta is no JSON") from None
    if meta is None:
        return {}
    if not isinstance(meta, Mapping):
        raise Rejected("wrong type of field", f"meta is {type(meta).__name__}")
    return dict(meta)
