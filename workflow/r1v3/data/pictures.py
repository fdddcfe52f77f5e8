"""Pictures from anywhere: what is no plain picture is refused with a reason, before it costs memory.

The size is read from the header and judged before a pixel is decoded. Formats are told by content, and
only those of `FORMATS` are opened, so that no decoder of a rare format ever sees a stranger's bytes.
"""

import io
import os
import stat
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image, ImageOps

from r1v3.base.image_errors import IMAGE_ERRORS
from r1v3.data.fields import Refused
from r1v3.data.records import png_bytes
from r1v3.recipe.schema.cleaning import Limits

FORMATS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif", "BMP": "bmp"}
KEPT = ("PNG", "JPEG", "WEBP")  # bytes of these are stored as they came, unless repaired
NAMES = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg"}
MARKUP = (b"<svg", b"<?xml", b"<!doctype", b"<html")
ORIENTATION = 0x0112
REPAIRS = ("animated", "rotated", "cmyk", "mislabelled")


@dataclass(frozen=True)
class Picture:
    """An admitted picture: its bytes as they will be stored, decoded, and what was changed."""

    data: bytes
    suffix: str
    image: Image.Image
    edits: tuple[str, ...]


def read_within(root: Path | zipfile.ZipFile, name: str, max_bytes: int) -> bytes:
    """The bytes of a file below the folder `root`, or of a member of a zip file.

    Raises:
        Refused: the name leads out of the root, also by a link, or to no plain file, or to a large one.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if "\0" in name or not parts or ".." in parts or name.startswith(("/", "\\", "~")):
        raise Refused("path leads out of the source", repr(name[:200]))
    if isinstance(root, zipfile.ZipFile):
        return _member(root, "/".join(parts), max_bytes)
    root = Path(os.path.realpath(root))
    path = Path(os.path.realpath(root.joinpath(*parts)))
    if not path.is_relative_to(root):
        raise Refused("path leads out of the source", repr(name[:200]))
    try:
        found = path.stat()
    except OSError:
        raise Refused("picture is missing", repr(name[:200])) from None
    if not stat.S_ISREG(found.st_mode):
        raise Refused("picture is missing", f"{name[:200]!r} is no file")
    if found.st_size > max_bytes:
        raise Refused("picture file is too large", f"{found.st_size:,} bytes")
    return path.read_bytes()


def _member(archive: zipfile.ZipFile, name: str, max_bytes: int) -> bytes:
    try:
        found = archive.getinfo(name)
        if found.file_size > max_bytes:
            raise Refused("picture file is too large", f"{found.file_size:,} bytes")
        with archive.open(found) as member:
            return member.read(max_bytes + 1)
    except KeyError:
        raise Refused("picture is missing", repr(name[:200])) from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise Refused("picture is damaged", str(error)[:200]) from None


def admit(data: bytes, name: str | None, limits: Limits) -> Picture:
    """Decode a picture under guard.

    Args:
        name: its file name or MIME type, where the source tells one; it must agree with the content.
        limits: `repair` lists the REPAIRS that are made rather than refused.

    Raises:
        Refused: with the reason.
    """
    if len(data) > limits.max_bytes:
        raise Refused("picture file is too large", f"{len(data):,} bytes")
    if data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(MARKUP):
        raise Refused("not a picture", "markup (SVG, XML or HTML)")
    edits: list[str] = []

    def repair(kind: str, reason: str, done: str) -> None:
        if kind not in limits.repair:
            raise Refused(reason)
        edits.append(done)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: ours stands below
            image = Image.open(io.BytesIO(data), formats=list(FORMATS))
            kind = str(image.format)
            width, height = image.size
            if width * height > limits.max_pixels:
                raise Refused("picture has too many pixels", f"{width} x {height}")
            told = _told(name)
            if told and told != FORMATS[kind]:
                repair("mislabelled", "wrong type", f"named {told}, is {kind}")
            if getattr(image, "is_animated", False):
                repair("animated", "animated picture", "first frame of an animation")
            image.load()
            if image.getexif().get(ORIENTATION, 1) != 1:
                repair("rotated", "rotated by EXIF", "turned as EXIF says")
                image = ImageOps.exif_transpose(image)
            if image.mode == "CMYK":
                repair("cmyk", "CMYK colours", "CMYK to RGB")
            elif image.mode not in ("RGB", "L", "1", "P") or "transparency" in image.info:
                edits.append(f"{image.mode} to RGB, on white")
            rgb = _on_white(image)
    except Refused:
        raise
    except (Image.DecompressionBombError, MemoryError):
        raise Refused("picture has too many pixels") from None
    except Image.UnidentifiedImageError:
        raise Refused("not a picture", f"begins with {data[:8]!r}") from None
    except IMAGE_ERRORS as error:
        raise Refused("picture is damaged", str(error)[:200]) from None
    changed = [edit for edit in edits if not edit.startswith("named ")]
    if kind in KEPT and not changed:
        return Picture(data, FORMATS[kind], rgb, tuple(edits))
    if not changed:
        edits.append(f"{kind} to PNG")
    return Picture(png_bytes(rgb), "png", rgb, tuple(edits))


def _told(name: str | None) -> str | None:
    """The format that a file name or a MIME type claims, if it claims one at all."""
    if not name or "\0" in name:
        return None
    if name.startswith("image/"):
        last = name[6:].split(";")[0].split("+")[0]
    else:
        stem, dot, last = name.rpartition(".")
        if not dot or not stem or not last.isalnum() or len(last) > 4:
            return None
    return NAMES.get(last.lower(), last.lower())


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits a pixel, or more
        low, high = image.getextrema()
        assert not isinstance(low, tuple)  # there is one band
        assert not isinstance(high, tuple)
        scale = 255 / ((high - low) or 1)
        return image.convert("F").point(lambda v: (v - low) * scale).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")
