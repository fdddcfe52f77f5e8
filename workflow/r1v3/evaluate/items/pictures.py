"""Checks whether a benchmark's pictures can be decoded. It does so once a file, since it takes minutes.

The result is in `images/<benchmark>.faults.json` beside the TSV. It is valid while the TSV's size and time
are unchanged. So asking and scoring agree on which rows are readable.
"""

import ast
import base64
import binascii
import contextlib
import io
import json
from functools import lru_cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from r1v3.base.atomic_write import write_text
from r1v3.base.image_errors import IMAGE_ERRORS
from r1v3.base.json_file import read_json
from r1v3.data.literals import read_literal
from r1v3.evaluate.items.cells import NO_CELL, read_list
from r1v3.evaluate.items.rows import read_benchmark_rows

SMALL = (64, 64)  # lets a JPEG be decoded at an eighth of its size; each of its bytes is still read
LONGEST_REFERENCE = 64
ADDRESS_SAFE = str.maketrans("-_", "+/")
# First bytes of PNG, JPEG, GIF, WebP and BMP, and the same in base64.
BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")
IN_BASE64 = ("iVBORw0", "/9j/", "R0lGOD", "UklGR", "Qk0", "data:")
SEVERAL = ("[", "(", "array(", "np.array(", "numpy.array(")


def is_reference(cell: str) -> bool:
    """Return whether a picture cell holds the index of another row instead."""
    short = 0 < len(cell) <= LONGEST_REFERENCE and cell not in NO_CELL
    return short and not cell.startswith((*SEVERAL, *IN_BASE64, "{"))


def picture_texts(cell: str) -> list[str]:
    """Return the pictures of a cell, each as text; an empty list for an empty cell in any notation."""
    found = [] if cell.strip() in NO_CELL else read_list(cell)
    return [
        text
        for one in found
        if one is not None and (text := _of_object(one).strip()) and text not in NO_CELL
    ]


def _of_object(one: object) -> str:
    """Return the picture of `{"bytes": ..., "path": ...}`, the form in which hub data sets are exported."""
    if isinstance(one, str) and one.startswith("{"):
        with contextlib.suppress(ValueError):
            one = read_literal(one)
    if isinstance(one, dict) and set(one) & {"bytes", "path"}:
        one = one.get("bytes") or ""
    return str(one)


def unknown_reference(cell: str) -> str:
    """Say what is wrong with a cell that names a missing picture."""
    if cell.startswith(("http://", "https://")):
        return f"the picture {cell!r} is an address, and must be base64"
    if "/" in cell or "." in cell.strip("."):
        return f"the picture {cell!r} is a path, which must stand in the column image_path"
    return f"it has the picture of row {cell!r}, which is not there"


def decode_base64(text: str) -> bytes:
    """Decode one picture in base64: plain, quoted, in a data URL, URL-safe, or as Python prints it.

    Bytes as Python prints them are decoded too.

    Raises:
        ValueError: it is not base64.
    """
    text = text.strip()
    if text.startswith(("b'", 'b"')) and text[-1] == text[1]:
        with contextlib.suppress(ValueError, SyntaxError):
            printed = ast.literal_eval(text)
            if printed.startswith(BEGINNINGS):
                return printed
        text = text[2:-1]
    text = text.strip("\"' ")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    text = "".join(text.split())
    if "+" not in text and "/" not in text:
        text = text.translate(ADDRESS_SAFE)
    if "=" not in text:
        text += "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"a picture is not base64 ({error})") from None


def picture_fault(data: bytes) -> str | None:
    """Return what is wrong with a picture's bytes, or None."""
    if not data:
        return "a picture is empty"
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft(image.mode, SMALL)
            image.load()
    except UnidentifiedImageError:
        return f"a picture cannot be decoded (it begins with {data[:12]!r})"
    except IMAGE_ERRORS as error:
        return f"a picture cannot be decoded ({error})"
    return None


def file_fault(path: Path) -> str | None:
    """Return what is wrong with a picture's file, or None. A changed file is checked again."""
    try:
        stat = path.stat()
    except OSError:
        return f"the picture {path} is not there"
    return _file_fault(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=65_536)
def _file_fault(path: Path, size: int, changed: int) -> str | None:
    try:
        found = picture_fault(path.read_bytes())
    except OSError as error:
        return f"the picture {path} cannot be read ({error.strerror})"
    return found and f"{path}: {found}"


def faults(tsv: Path) -> dict[str, str]:
    """Return what is wrong with the pictures of a file's rows, by the line where a row begins."""
    stat = tsv.stat()
    stamp = [stat.st_size, stat.st_mtime_ns]
    kept = tsv.parent / "images" / f"{tsv.stem}.faults.json"
    if kept.is_file():
        with contextlib.suppress(ValueError):  # a damaged result is written again
            known = read_json(kept, "stamp", "faults")
            if known["stamp"] == stamp:
                return known["faults"]
    found = _look(tsv)
    write_text(kept, json.dumps({"stamp": stamp, "faults": found}))
    return found


def _look(tsv: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in read_benchmark_rows(tsv):
        image = line.row.get("image", "").strip()
        if line.reason or not image or is_reference(image):
            continue
        try:
            wrong = next(
                (
                    fault
                    for each in picture_texts(image)
                    if (fault := picture_fault(decode_base64(each)))
                ),
                None,
            )
        except ValueError as error:
            wrong = str(error)
        if wrong:
            found[str(line.number)] = wrong
    return found
