"""Reads the first sheet of an Excel workbook as rows of texts. It is VLMEvalKit's default format of results.

A workbook is a zip of XML. Only texts and numbers are read, and such results contain nothing else.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
LARGEST = 2**30  # most bytes of one part, unpacked


def read_workbook(path: Path) -> Iterator[dict[str, str]]:
    """Yield each row after the first, by the texts of the first row; an empty cell is an empty text.

    Raises:
        ValueError: the file is no workbook.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            texts = [_text(each) for each in _parse(parts, STRINGS, "si")]
            rows = [_cells(each, texts) for each in _parse(parts, SHEET, "row")]
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, IndexError) as error:
        raise ValueError(f"{path}: it is no Excel workbook ({error})") from None
    header = rows[0] if rows else {}
    for row in rows[1:]:
        yield {name: row.get(column, "") for column, name in header.items()}


def _parse(parts: zipfile.ZipFile, name: str, tag: str) -> list[ElementTree.Element]:
    if name == STRINGS and name not in parts.namelist():
        return []
    if parts.getinfo(name).file_size > LARGEST:
        raise KeyError(f"{name} is too large")
    return list(ElementTree.fromstring(parts.read(name)).iter(f"{NAMESPACE}{tag}"))


def _cells(row: ElementTree.Element, texts: list[str]) -> dict[str, str]:
    found = {}
    for number, cell in enumerate(row.iter(f"{NAMESPACE}c")):
        column = re.sub(r"\d", "", cell.get("r", "")) or str(number)
        value = cell.find(f"{NAMESPACE}v")
        if cell.get("t") == "inlineStr":
            found[column] = _text(cell)
        elif value is not None and value.text is not None:
            shared = cell.get("t") == "s"
            found[column] = texts[int(value.text)] if shared else _unescaped(value.text)
    return found


def _text(element: ElementTree.Element) -> str:
    return _unescaped("".join(part.text or "" for part in element.iter(f"{NAMESPACE}t")))


def _unescaped(text: str) -> str:
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
