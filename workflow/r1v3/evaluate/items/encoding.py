"""Reads text files that are not UTF-8 by a declared encoding, or refuses them with advice."""

import codecs
from pathlib import Path

BLOCK = 1 << 20  # bytes
# The order in which encodings are tried; the last one can decode anything.
GUESSED = ("gb18030", "big5", "shift_jis", "cp1252")
ASCII_SHARE = 0.2  # share of a text's characters in UTF-16 whose other byte is 0
CHINESE = range(0x4E00, 0xA000)
SHARE = 0.5  # share of the characters beyond ASCII that must be common ones


def recode(file: Path, encoding: str, target: Path) -> None:
    """Write a file as UTF-8. Bytes that the encoding does not have stay, and make their row unreadable."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    with open(file, "rb") as source, open(target, "wb") as written:
        while block := source.read(BLOCK):
            written.write(decoder.decode(block).encode("utf-8", "surrogateescape"))
        written.write(decoder.decode(b"", final=True).encode("utf-8", "surrogateescape"))


def not_utf8(file: Path) -> str | None:
    """Return advice for a text file that is not UTF-8; None if its beginning is UTF-8."""
    with open(file, "rb") as source:
        begin = source.read(BLOCK)
    begin = begin[: begin.rfind(b"\n") + 1] or begin
    try:
        begin.decode("utf-8")
    except UnicodeDecodeError:
        return _advice(_guess(begin))
    guess = _guess(begin) if 0 in begin else None
    return _advice(guess) if guess else None


def _advice(guess: str | None) -> str:
    return (
        f"it is not UTF-8{f' but perhaps {guess}' if guess else ''}: save it as UTF-8, or, for a benchmark of"
        f" your own, say in its entry `encoding: {guess or 'gbk'}`"
    )


def _guess(text: bytes) -> str | None:
    """Guess the encoding in which most characters are common ones."""
    for name, half in (("utf-16-le", text[1::2]), ("utf-16-be", text[::2])):
        if half.count(0) > ASCII_SHARE * len(half):
            return name
    for encoding in GUESSED:
        try:
            beyond = [char for char in text.decode(encoding) if not char.isascii()]
        except UnicodeDecodeError:
            continue
        common = [char for char in beyond if ord(char) in CHINESE or char.isalpha()]
        if len(common) >= SHARE * len(beyond):
            return "gbk" if encoding == "gb18030" else encoding
    return None
