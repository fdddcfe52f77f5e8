"""Files and lines of JSON that hold a mapping, read so that a damaged file is named, with what to do."""

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]  # a mapping as JSON holds it

REMEDY = "delete it, and what made it makes it again"
FETCH = "fetch the model again"
LARGEST = 256 * 2**20  # bytes


def read_model_json(path: Path) -> dict[str, Any]:
    """What a file of a stranger's model holds; errors are those of `read_json`."""
    return read_json(path, remedy=FETCH)


def read_json(path: Path, *keys: str, remedy: str = REMEDY, once: bool = False) -> dict[str, Any]:
    """What a file holds.

    Args:
        keys: that it must have.
        remedy: what to do with a damaged file.
        once: refuse a key that stands twice, of which readers take one or the other.

    Raises:
        ValueError: it is cut or damaged, no mapping, or lacks a key; the message names file and remedy.
        OSError: it cannot be read.
    """
    path = Path(path)
    if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST):
        raise ValueError(
            f"{path}: damaged; a file of JSON is expected, not a device or a huge one; {remedy}"
        )
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text, object_pairs_hook=each_once if once else None)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cut or damaged ({error}); {remedy}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: damaged; a mapping is expected; {remedy}")
    missing = [key for key in keys if key not in content]
    if missing:
        raise ValueError(f"{path}: damaged; it has no {', '.join(missing)}; {remedy}")
    return content


def parse_line(line: bytes) -> dict[str, Any] | None:
    """What a line of JSON lines holds; None for half a line, which a kill leaves, and for no mapping."""
    try:
        found = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping of JSON.

    Raises:
        ValueError: a key stands twice.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands twice")
    return found
