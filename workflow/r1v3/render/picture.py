"""A picture as a data URL, so that a page is one file."""

import base64
import mimetypes
from pathlib import Path


def embedded_picture(path: Path) -> str:
    """The picture in base64, under the type that its name says."""
    kind = mimetypes.guess_type(path.name)[0] or "image/png"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
