"""What Pillow raises for a file that is no picture, is cut, is a bomb or of a kind that it cannot decode."""

import struct
import zlib

from PIL import Image

UNREADABLE = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, OverflowError, NotImplementedError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip
