"""Pictures of requests: where they may be, how large they may be, and their form for a server."""

import base64
import io
import os
from pathlib import Path

from PIL import Image

from r1v3.generate.types import Request


def check_places(request: Request) -> None:
    """Refuse pictures outside the request's root. Links inside the root are the owner's responsibility.

    Raises:
        ValueError: a path leads out of the root.
    """
    if request.root is None:
        return
    root = os.path.abspath(request.root)
    for picture in request.images:
        if isinstance(picture, Image.Image):
            continue
        path = os.path.abspath(picture)
        if os.path.commonpath([root, path]) != root:
            raise ValueError(f"picture {Path(picture).name!r} lies outside the data root")


def data_url(
    picture: Path | Image.Image, max_pixels: int, kinds: frozenset[str] | None = None
) -> str:
    """Return a picture as a `data:` URL; the bytes of a file are not changed.

    Args:
        kinds: types that may be sent; a picture of another type becomes a PNG. None allows any.

    Raises:
        ValueError: the picture has more than `max_pixels` pixels.
        OSError: the file is no picture.
    """
    if isinstance(picture, Image.Image):
        _check_size(picture, max_pixels)
        out = io.BytesIO()
        picture.save(out, "PNG")
        kind, content = "image/png", out.getvalue()
    else:
        with Image.open(picture) as image:
            _check_size(image, max_pixels)
            kind = image.get_format_mimetype() or "application/octet-stream"
            image.load()
            other = image.convert("RGBA") if kinds is not None and kind not in kinds else None
        if other is not None:
            return data_url(other, max_pixels)
        content = Path(picture).read_bytes()
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _check_size(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise ValueError(f"picture of {image.width} x {image.height} pixels; {max_pixels} allowed")
