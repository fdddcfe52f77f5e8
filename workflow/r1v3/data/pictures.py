"""Checks pictures of any origin: rejects what is not a plain picture, before it costs memory.

The size is read from the header and checked before any pixel is decoded. The content decides the format, not
the name. Only the formats of `FORMATS` are opened, so that no decoder of a rare format reads untrusted bytes.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from r1v3.base.image_errors import IMAGE_ERRORS
from r1v3.data.fields import Rejected
from r1v3.data.records import png_bytes
from r1v3.recipe.schema.cleaning import Limits

FORMATS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif", "BMP": "bmp"}
FULL = 65535
KEPT = ("PNG", "JPEG", "WEBP")  # bytes of these are stored unchanged, unless repaired
NAMES = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg"}
# First bytes of other formats, so that a rejection can name them.
BEGINS = {
    b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF", b"\0\0\1\0": "ICO", b"\0\0\0\x0cjP": "JPEG 2000",
    b"\xff\x0a": "JPEG XL", b"8BPS": "Photoshop", b"%!PS": "PostScript", b"PK\3\4": "a zip file",
    b"version https://git-lfs": "a pointer of Git LFS, whose file `git lfs pull` brings",
}  # fmt: skip
BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"avif": "AVIF"}
MARKUP = (b"<svg", b"<?xml", b"<!doctype", b"<html")
ALSO = {"MPO": "JPEG"}  # a JPEG with more pictures after the first, as cameras write them
# Endings that name a type. Other endings, such as the 2 of `figure.2`, name none.
CLAIMS = {*FORMATS.values(), *NAMES, "svg", "tif", "tiff", "avif", "heic", "heif", "pdf", "ico"}
MOST_NARROW = 200  # longer side divided by the shorter; the processors of Qwen2.5-VL refuse more
ORIENTATION, TURNED = 0x0112, range(2, 9)
REPAIRS = ("animated", "rotated", "cmyk", "mislabelled")


@dataclass(frozen=True)
class AdmittedPicture:
    """An admitted picture: its bytes for storage, the decoded image, and the changes made."""

    data: bytes
    suffix: str
    image: Image.Image
    edits: tuple[str, ...]


def admit(data: bytes, name: str | None, limits: Limits) -> AdmittedPicture:
    """Decode a picture within limits.

    Args:
        name: its file name or MIME type, if the source gives one; it must agree with the content.
        limits: limits of size; `repair` lists the REPAIRS that are made instead of a rejection.

    Raises:
        Rejected: the picture is not admitted; the message is the reason.
    """
    if len(data) > limits.max_bytes:
        raise Rejected("picture file is too large", f"{len(data):,} bytes")
    if not data:
        raise Rejected("not a picture", "a file of 0 bytes")
    if data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(MARKUP):
        raise Rejected("not a picture", "markup (SVG, XML or HTML)")
    edits: list[str] = []

    def repair(kind: str, reason: str, done: str) -> None:
        if kind not in limits.repair:
            raise Rejected(reason, done)
        edits.append(done)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own check of the size is below
            image = Image.open(io.BytesIO(data), formats=list(FORMATS))
            kind = ALSO.get(str(image.format), str(image.format))
            width, height = image.size
            if max(width, height) > MOST_NARROW * min(width, height):
                raise Rejected("picture is too narrow", f"{width} x {height}")
            if width * height > limits.max_pixels:
                raise Rejected("picture has too many pixels", f"{width} x {height}")
            told = _told(name)
            if told and told != FORMATS[kind]:
                repair("mislabelled", "wrong type", f"named {told}, is {kind}")
            if getattr(image, "is_animated", False):
                repair("animated", "animated picture", "first frame of an animation")
            image.load()
            if image.getexif().get(ORIENTATION) in TURNED:
                repair("rotated", "rotated by EXIF", "turned as EXIF says")
                image = ImageOps.exif_transpose(image)
            if image.mode == "CMYK":
                repair("cmyk", "CMYK colours", "CMYK to RGB")
            elif image.mode not in ("RGB", "L", "1", "P") or "transparency" in image.info:
                edits.append(f"{image.mode} to RGB, on white")
            rgb = _on_white(image)
    except Rejected:
        raise
    except (Image.DecompressionBombError, MemoryError):
        raise Rejected("picture has too many pixels") from None
    except Image.UnidentifiedImageError:
        raise Rejected("not a picture", _kind_of(data)) from None
    except IMAGE_ERRORS as error:
        raise Rejected("picture is damaged", str(error)[:200]) from None
    changed = [edit for edit in edits if not edit.startswith("named ")]
    if kind in KEPT and not changed:
        return AdmittedPicture(data, FORMATS[kind], rgb, tuple(edits))
    if not changed:
        edits.append(f"{kind} to PNG")
    return AdmittedPicture(png_bytes(rgb), "png", rgb, tuple(edits))


def _kind_of(data: bytes) -> str:
    """Name the kind of a file that is not a picture of FORMATS, by its first bytes."""
    if data[4:8] == b"ftyp":
        return BRANDS.get(data[8:12], f"a file of brand {data[8:12]!r}")
    known = next((name for begin, name in BEGINS.items() if data.startswith(begin)), None)
    return known or f"begins with {data[:8]!r}"


def _told(name: str | None) -> str | None:
    """Return the format that a file name or MIME type states; None if it states none."""
    if not name or "\0" in name:
        return None
    if name.startswith("image/"):
        last = name[6:].split(";")[0].split("+")[0]
    else:
        stem, dot, last = name.rpartition(".")
        if not dot or not stem:
            return None
    last = last.lower()
    return NAMES.get(last, last) if last in CLAIMS else None


def _on_white(image: Image.Image) -> Image.Image:
    """Convert a picture to RGB, with white for transparent areas.

    Of 16 bits per pixel the upper 8 are kept. But scanners write 10 or 12 bits into 16, which would give a
    black picture. So if the lightest pixel is below an eighth of the 16-bit range, it becomes white.
    """
    if image.mode.startswith("I") or image.mode == "F":  # 16 or more bits per pixel
        _, high = image.getextrema()
        assert not isinstance(high, tuple)  # there is one band
        top = FULL if high >= FULL / 8 else high or 1
        return image.convert("F").point(lambda v: v * (255 / top)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")
