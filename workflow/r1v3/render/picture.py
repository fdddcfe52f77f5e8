"""Turns a picture into a data URL, so that a page is one file."""

import base64
import mimetypes
from pathlib import Path


def embedded_picture(path: Path) -> str:
    """Encode the picture in base64, with the type that its name suggests."""
    kind = mimetypes.guess_type(path.name)[0] or "image/png"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
