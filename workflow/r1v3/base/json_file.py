"""Reads files and lines of JSON that hold a mapping. An error names the damaged file and a remedy."""

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]  # a mapping as JSON holds it

MADE_AGAIN = "delete it, and what made it makes it again"
FETCH = "fetch the model again"
LARGEST = 256 * 2**20  # bytes


def read_model_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of somebody else's model. Errors are those of `read_json`."""
    return read_json(path, remedy=FETCH)


def read_json(
    path: Path, *keys: str, remedy: str = MADE_AGAIN, once: bool = False
) -> dict[str, Any]:
    """Read a JSON file.

    Args:
        keys: keys that it must have.
        remedy: what to do with a damaged file.
        once: whether to refuse a key that occurs twice, because readers may take either one.

    Raises:
        ValueError: it is cut off or damaged, no mapping, or lacks a key. The message names file and remedy.
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
    """Parse one line of JSON lines; None for half a line, which a kill leaves, or for no mapping."""
    try:
        found = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping of JSON.

    Raises:
        ValueError: a key occurs twice.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands twice")
    return found
