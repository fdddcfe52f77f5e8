"""Text files that are old or new, and never half."""

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write text, as UTF-8, so that a reader sees the old file or the whole new one; makes the folder."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
