"""Reads the forms of a picture in a row: bytes, base64, a data URL, a path, a URL, or a structure."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from r1v3.data.fields import Rejected
from r1v3.data.literals import BEGINS as BEGINS_OF_VALUES
from r1v3.data.literals import read_literal
from r1v3.data.picture_files import PictureFiles

MAX_PICTURES = 32
# Base64 of the first bytes of PNG, JPEG, GIF, WebP (RIFF) and BMP files.
BEGINS = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "Qk")
BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+={0,2}\s*")
LONGEST_PATH = 1024
NO_PICTURE = ("", "nan", "NaN", "None", "null", "<NA>")  # as programs write an empty cell
DATA_URL = re.compile(
    r"data:(?P<type>[\w.+/-]*)(?:;[^,;]{0,100})*?(?P<base64>;\s*base64)?,", re.IGNORECASE
)
HEADLESS = re.compile(r"(?:[\w.+-]+/[\w.+-]+;)?base64,", re.IGNORECASE)  # without `data:`
# Keys of structures for a picture's content, and for its place. The first one with a value counts.
CONTENT = ("bytes", "base64", "b64", "b64_json", "data", "image_bytes")
PLACE = (
    "path",
    "url",
    "image_url",
    "image",
    "file_name",
    "filename",
    "file",
    "src",
    "image_path",
    "picture",
    "source",
)
NUMBERED = re.compile(r"\D*(\d{1,3})")  # a key for one of several pictures
Bytes = bytes | bytearray | memoryview


def pictures_of(cell: object) -> list[object]:
    """Return the pictures of a cell: one picture, a list, nested lists, or a text of any of these.

    The text may be JSON, Python, or printed by numpy. Empty places at the end of a list are columns that a
    row does not need. An empty place before a picture means a lost picture. If it were left out, all later
    pictures would move up by one place.

    Raises:
        Rejected: there are too many pictures, or one between others is missing.
    """
    found = list(_each(cell, 0))
    if len(found) > MAX_PICTURES:
        raise Rejected("too many pictures", str(len(found)))
    return found


def content(picture: object, files: PictureFiles, max_bytes: int) -> tuple[bytes, str | None]:
    """Return a picture's bytes, and its file name or type if it has one.

    Raises:
        Rejected: the value cannot be a picture, or the picture cannot be fetched.
    """
    if isinstance(picture, Mapping):
        return _of_structure(picture, files, max_bytes)
    if isinstance(picture, Bytes):
        return _of_bytes(bytes(picture), None, max_bytes)
    if isinstance(picture, str):
        return _of_text(picture.strip(), files, max_bytes)
    raise Rejected("wrong type of field", f"a picture is {type(picture).__name__}")


def _each(cell: object, depth: int) -> Iterable[object]:
    if _is_nothing(cell):
        return
    if isinstance(cell, str) and cell.lstrip().startswith(BEGINS_OF_VALUES):
        try:
            cell = read_literal(cell)
        except ValueError:
            yield cell
            return
        if _is_nothing(cell):
            return
    if isinstance(cell, Mapping) and (several := _by_numbers(cell)):
        yield from _each(several, depth)
        return
    if isinstance(cell, str | Bytes | Mapping) or not isinstance(cell, Iterable):
        yield cell
    elif depth > 2:
        raise Rejected("wrong type of field", "images are lists in lists in lists")
    elif _is_bytes(cell := list(cell)):
        yield bytes(cell)
    else:
        while cell and _is_nothing(cell[-1]):
            cell.pop()
        for number, each in enumerate(cell, 1):
            if _is_nothing(each):
                raise Rejected("picture is missing", f"number {number} of {len(cell)} is empty")
            yield from _each(each, depth + 1)


def _is_nothing(cell: object) -> bool:
    """Return whether a place in a list is empty: null, NaN, a blank text, or a structure of nulls."""
    if isinstance(cell, float):
        return cell != cell
    if isinstance(cell, Mapping):
        return all(each is None for each in cell.values())
    return cell is None or (isinstance(cell, str) and cell.strip() in NO_PICTURE)


def _by_numbers(cell: Mapping) -> list[object]:
    """Return the pictures of `{"image_1": ..., "image_2": ...}` in order; none for another structure."""
    keys = {str(key): NUMBERED.fullmatch(str(key)) for key in cell}
    numbers = {key: int(found[1]) for key, found in keys.items() if found}
    if len(numbers) < len(keys) or len(set(numbers.values())) < len(keys):
        return []
    if len({key.rstrip("0123456789") for key in keys}) > 1:
        return []
    values = {str(key): value for key, value in cell.items()}
    return [values[key] for key in sorted(numbers, key=lambda key: numbers[key])]


def _is_bytes(cell: list) -> bool:
    """Return whether a list contains a file's bytes as numbers, as JSON often writes them."""
    return len(cell) > 8 and all(type(each) is int and 0 <= each < 256 for each in cell)


def _of_structure(
    picture: Mapping, files: PictureFiles, max_bytes: int
) -> tuple[bytes, str | None]:
    name = next((picture[key] for key in PLACE if isinstance(picture.get(key), str)), None)
    for key in CONTENT:
        found = picture.get(key)
        if isinstance(found, list) and _is_bytes(found):
            found = bytes(found)
        if isinstance(found, Bytes) and len(found):
            return _of_bytes(bytes(found), name, max_bytes)
        if isinstance(found, str) and found.strip():
            data, told = _of_base64(found.strip(), max_bytes)
            return data, told or name
    for key in PLACE:
        found = picture.get(key)
        if isinstance(found, Mapping) or (isinstance(found, str) and found.strip()):
            return content(found, files, max_bytes)
    raise Rejected("picture is missing", f"a structure of {', '.join(map(str, picture))}"[:200])


def _of_bytes(data: bytes, name: str | None, max_bytes: int) -> tuple[bytes, str | None]:
    """Return a file's bytes; decode base64, which occurs if a text column was stored as bytes."""
    if data[:5].isascii() and (
        data[:5].lower() == b"data:" or _is_base64(data[:200].decode("latin-1"))
    ):
        decoded, told = _of_base64(data.decode("latin-1").strip(), max_bytes)
        return decoded, told or name
    return data, name


def _of_text(text: str, files: PictureFiles, max_bytes: int) -> tuple[bytes, str | None]:
    if HEADLESS.match(text):
        text = f"data:{text}" if "/" in text.partition(",")[0] else f"data:;{text}"
    if text[:5].lower() == "data:" or _is_base64(text):
        return _of_base64(text, max_bytes)
    if len(text) > LONGEST_PATH and not text.startswith(("http://", "https://")):
        raise Rejected("not a picture", f"a text of {len(text):,} characters")
    return files.read(text, max_bytes), _without_query(text)


def _is_base64(text: str) -> bool:
    if text.startswith(BEGINS):
        return len(text) >= 40 and BASE64.fullmatch(text) is not None
    return len(text) > LONGEST_PATH and BASE64.fullmatch(text) is not None


def _of_base64(text: str, max_bytes: int) -> tuple[bytes, str | None]:
    """Decode base64, plain or as a data URL, with any alphabet, line breaks and padding."""
    told = None
    if head := DATA_URL.match(text):
        if not head["base64"]:
            raise Rejected(
                "not a picture", f"a data URL without base64 of type {head['type']}"[:200]
            )
        told, text = head["type"] or None, text[head.end() :]
    elif text[:5].lower() == "data:":
        raise Rejected("picture is damaged", "a data URL that cannot be read")
    if 3 * len(text) // 4 > max_bytes + 2:
        raise Rejected("picture file is too large", f"about {3 * len(text) // 4:,} bytes")
    text = unquote(text) if "%" in text else text
    plain = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True), told
    except (binascii.Error, ValueError) as error:
        raise Rejected("picture is damaged", f"no base64: {error}"[:200]) from None


def _without_query(text: str) -> str:
    """Return a URL's file name, so that `a.png?size=3` counts as a PNG; return another text unchanged."""
    if not text.startswith(("http://", "https://")):
        return text
    return text.partition("?")[0].partition("#")[0].rpartition("/")[2]
