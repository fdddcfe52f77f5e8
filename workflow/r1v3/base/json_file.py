"""JSON files that hold a mapping, read so that a damaged one is named, with what to do."""

import json
from pathlib import Path
from typing import Any

REMEDY = "delete it, and what made it makes it again"
FETCH = "fetch the model again"


def read_model_json(path: Path) -> dict[str, Any]:
    """What a file of a stranger's model holds; errors are those of `read_json`."""
    return read_json(path, remedy=FETCH)


def read_json(path: Path, *keys: str, remedy: str = REMEDY) -> dict[str, Any]:
    """What a file holds.

    Args:
        keys: that it must have.
        remedy: what to do with a damaged file.

    Raises:
        ValueError: it is cut or damaged, no mapping, or lacks a key; the message names file and remedy.
        OSError: it cannot be read.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cut or damaged ({error}); {remedy}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: damaged; a mapping is expected; {remedy}")
    missing = [key for key in keys if key not in content]
    if missing:
        raise ValueError(f"{path}: damaged; it has no {', '.join(missing)}; {remedy}")
    return content
