"""What Pillow raises for a file that is no image, is cut, is a bomb, or is of a kind it cannot decode."""

import struct
import zlib

from PIL import Image

IMAGE_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, OverflowError, NotImplementedError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip
