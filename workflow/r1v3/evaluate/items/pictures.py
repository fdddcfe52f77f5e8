"""Whether a benchmark's pictures can be decoded: looked at once for each file, since it takes minutes.

The result lies in `images/<benchmark>.faults.json` beside the TSV, and holds while the TSV's size and time
are what they were. So asking and scoring agree on which rows can be read.
"""

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
from r1v3.evaluate.items.cells import read_list
from r1v3.evaluate.items.rows import read_benchmark_rows

SMALL = (64, 64)  # a JPEG is decoded at an eighth; each of its bytes is still read
LONGEST_REFERENCE = 64
ADDRESS_SAFE = str.maketrans("-_", "+/")


def decode_base64(text: str) -> bytes:
    """The bytes of one picture in base64: plain, in a data URL, safe for URLs, or as Python prints it.

    Raises:
        ValueError: it is not base64.
    """
    text = text.strip()
    if text.startswith("data:"):
        text = text.partition(",")[2]
    elif text.startswith(("b'", 'b"')) and text[-1] == text[1]:
        text = text[2:-1]
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
    """What is wrong with a picture's bytes, or None."""
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
    """What is wrong with a picture's file, or None; looked at again when it changed."""
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
    """What is wrong with the pictures of a file's rows, by the line where a row begins."""
    stat = tsv.stat()
    stamp = [stat.st_size, stat.st_mtime_ns]
    kept = tsv.parent / "images" / f"{tsv.stem}.faults.json"
    if kept.is_file():
        with contextlib.suppress(ValueError):  # a damaged one is written again
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
        if line.reason or (len(image) <= LONGEST_REFERENCE and not image.startswith("[")):
            continue
        try:
            wrong = next(
                (
                    fault
                    for each in read_list(image)
                    if (fault := picture_fault(decode_base64(str(each))))
                ),
                None,
            )
        except ValueError as error:
            wrong = str(error)
        if wrong:
            found[str(line.number)] = wrong
    return found
