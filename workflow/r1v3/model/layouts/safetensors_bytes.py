"""Safetensors files as byte ranges: tensors are renamed, split and joined without reading them into memory.

The format is a length in 8 bytes (little-endian), a JSON header of that length, and the data
(https://huggingface.co/docs/safetensors, "Format"). A tensor's first axis changes slowest, so consecutive
rows are consecutive bytes. Files written here equal those of the `safetensors` library, byte for byte. The
library sorts tensors by the size of their numbers, then by name.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1v3.base.json_file import FETCH, each_once

CHUNK = 16 * 2**20  # bytes that are in memory at a time
# The library's order: types with the largest numbers first.
ORDER = (
    *("U64", "I64", "F64", "C64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16"),
    *("F8_E8M0", "F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"),
)


@dataclass(frozen=True)
class FilePiece:
    """Bytes `start` to `stop` of a file."""

    file: Path
    start: int
    stop: int


@dataclass(frozen=True)
class Tensor:
    """A tensor whose data are pieces of files, one after another."""

    dtype: str
    shape: tuple[int, ...]
    pieces: tuple[FilePiece, ...]

    @property
    def bytes(self) -> int:
        """Return the size of the data in bytes."""
        return sum(piece.stop - piece.start for piece in self.pieces)

    def rows(self, spans: list[tuple[int, int]]) -> "Tensor":
        """Return rows of the first axis, as spans (first, after the last) in the given order.

        Raises:
            ValueError: the tensor was joined from several pieces.
        """
        if len(self.pieces) != 1:
            raise ValueError("only a tensor in one piece can be cut")
        (whole,) = self.pieces
        row = self.bytes // self.shape[0]
        cut = [
            FilePiece(whole.file, whole.start + a * row, whole.start + b * row) for a, b in spans
        ]
        return Tensor(self.dtype, (sum(b - a for a, b in spans), *self.shape[1:]), tuple(cut))


def join_rows(parts: list[Tensor]) -> Tensor:
    """Join tensors along the first axis.

    Raises:
        ValueError: their types or other axes differ.
    """
    first = parts[0]
    if any((each.dtype, each.shape[1:]) != (first.dtype, first.shape[1:]) for each in parts):
        raise ValueError("only tensors of one type and width can be joined")
    pieces = tuple(piece for each in parts for piece in each.pieces)
    return Tensor(first.dtype, (sum(each.shape[0] for each in parts), *first.shape[1:]), pieces)


def read_header(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a file by name, in the file's order, and its metadata.

    Raises:
        ValueError: it is no safetensors file, is shorter than its header says, or two tensors share bytes.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise ValueError(f"{path}: damaged (no safetensors file, or cut short); {FETCH}")
        try:
            header = json.loads(file.read(length), object_pairs_hook=each_once)
            metadata = header.pop("__metadata__", {})
            entries = [(name, *_entry(entry)) for name, entry in header.items()]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path}: damaged (no safetensors file: {error}); {FETCH}") from None
    start, before = 8 + length, 0
    tensors: dict[str, Tensor] = {}
    for name, dtype, shape, (first, last) in sorted(entries, key=lambda entry: entry[3]):
        if start + last > size:
            raise ValueError(
                f"{path}: damaged (cut short: {name} ends behind the file's end); {FETCH}"
            )
        if first < before:
            raise ValueError(f"{path}: damaged ({name} shares bytes with another tensor); {FETCH}")
        before = last
        piece = FilePiece(path, start + first, start + last)
        tensors[name] = Tensor(dtype, shape, (piece,))
    return tensors, metadata


def _entry(entry: dict[str, Any]) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    """Return number format, shape and byte range of a tensor.

    Raises:
        ValueError, LookupError, TypeError: the entry lacks one of them.
    """
    dtype, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or not isinstance(shape, list):
        raise TypeError("dtype and shape are expected")
    if any(type(n) is not int or n < 0 for n in (*shape, first, last)) or last < first:
        raise ValueError("shape and data_offsets are counts")
    return dtype, tuple(shape), (first, last)


def write_file(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a file whose bytes come from other files; `CHUNK` bytes are in memory at a time."""
    names = sorted(tensors, key=lambda name: (_rank(tensors[name].dtype), name))
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name in names:
        tensor = tensors[name]
        header[name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.bytes],
        }
        offset += tensor.bytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            for block in blocks(tensors[name]):
                file.write(block)
        file.flush()
        os.fsync(file.fileno())


def blocks(tensor: Tensor) -> Iterator[bytes]:
    """Yield the data of a tensor in parts."""
    for piece in tensor.pieces:
        with open(piece.file, "rb") as file:
            file.seek(piece.start)
            left = piece.stop - piece.start
            while left:
                block = file.read(min(CHUNK, left))
                if not block:
                    raise ValueError(f"{piece.file}: cut short")
                left -= len(block)
                yield block


def same_data(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same bytes and shape."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    return all(a == b for a, b in zip(_even(one), _even(other), strict=True))


def _even(tensor: Tensor) -> Iterator[bytes]:
    """Yield the data in blocks whose borders do not depend on the pieces."""
    held = b""
    for block in blocks(tensor):
        held += block
        while len(held) >= CHUNK:
            yield held[:CHUNK]
            held = held[CHUNK:]
    yield held


def _rank(dtype: str) -> int:
    return ORDER.index(dtype) if dtype in ORDER else len(ORDER)
