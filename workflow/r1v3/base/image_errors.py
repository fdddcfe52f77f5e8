"""The errors of Pillow for a file that is no image, is cut off, is too large, or has an unknown type."""

import struct
import zlib

from PIL import Image

IMAGE_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, OverflowError, NotImplementedError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip
