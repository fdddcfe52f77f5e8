"""Buckets of weights in memory that a trainer and vLLM's workers share, without a copy through the host.

On a GPU, a bucket is a buffer that CUDA exports, as in vLLM's own `ipc_engine`. Each trainer process fills
one on its own GPU, and a worker opens the one on the GPU that it computes on. On a CPU, where tests run the
same code, a bucket is a file in shared memory.
"""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # torch is imported only in functions that use tensors
    import torch

BUCKET_BYTES = 2**30
MEMORY = Path("/dev/shm")
ALIGNMENT = 16  # bytes; a tensor must begin at a multiple of its element size


@dataclass(frozen=True)
class Piece:
    """A tensor of a bucket: its name, torch's name of its type, its shape, and its first byte."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    first: int


@dataclass(frozen=True)
class WeightBucket:
    """A filled buffer.

    Attributes:
        device: name of the buffer's device, which is the same in all processes.
        handle: opens the buffer in another process (`MappedBuffers`).
    """

    pieces: list[Piece]
    device: str
    handle: bytes


class Buffer:
    """Bytes on a device that other processes can map."""

    def __init__(self, size: int, device: torch.device):
        import torch

        self.size, self.file = size, None
        if device.type == "cuda":
            from torch.multiprocessing.reductions import reduce_tensor

            self.bytes = torch.empty(size, dtype=torch.uint8, device=device)
            self.handle = pickle.dumps(("cuda", reduce_tensor(self.bytes)[1]))
        else:
            place = room_for(size)
            self.file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - it lives as long as the buffer
                prefix="r1v3-weights-", dir=place
            )
            self.bytes = torch.from_file(self.file.name, shared=True, size=size, dtype=torch.uint8)
            self.handle = pickle.dumps(("file", (self.file.name, size)))


def room_for(size: int) -> Path | None:
    """Return a folder in memory in which so many bytes can be shared; None (on disk) if there is no space.

    A container often has only 64 MB of shared memory.
    """
    writable = os.access(MEMORY, os.W_OK)
    return MEMORY if writable and shutil.disk_usage(MEMORY).free > 1.1 * size else None


def fill_buckets(
    pairs: Iterable[tuple[str, torch.Tensor]], size: int = BUCKET_BYTES
) -> Iterator[WeightBucket]:
    """Copy tensors into buckets of at most `size` bytes, or of the size of the largest tensor so far.

    All buckets use the same buffer. Ask for the next one only after all workers have read this one.
    """
    import torch

    buffer: Buffer | None = None
    pieces: list[Piece] = []
    end = 0

    def full() -> WeightBucket:
        assert buffer is not None
        if buffer.bytes.is_cuda:
            torch.cuda.current_stream(buffer.bytes.device).synchronize()
        return WeightBucket(pieces, device_name(buffer.bytes.device), buffer.handle)

    for name, tensor in pairs:
        content = tensor.detach().contiguous().view(-1).view(torch.uint8)
        first = -(-end // ALIGNMENT) * ALIGNMENT
        if pieces and buffer is not None and first + content.numel() > buffer.size:
            yield full()
            pieces, first = [], 0
        if buffer is None or content.numel() > buffer.size:
            buffer = Buffer(max(size, content.numel()), tensor.device)
        end = first + content.numel()
        buffer.bytes[first:end].copy_(content)
        dtype = str(tensor.dtype).removeprefix("torch.")
        pieces.append(Piece(name, dtype, tuple(tensor.shape), first))
    if pieces:
        yield full()


class MappedBuffers:
    """A trainer's buffers, mapped by a worker. Each is opened once, and closed with this object."""

    def __init__(self, device: torch.device):
        self.device = device
        self.mapped: dict[bytes, torch.Tensor] = {}

    def tensors(
        self, pieces: list[tuple[str, str, list[int], int]], handles: dict[str, bytes]
    ) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield copies of a bucket's tensors, because the buffer is filled again while vLLM uses them.

        Args:
            pieces: `Piece`s as plain tuples.
            handles: handles of the buffers of all processes, by device.

        Raises:
            RuntimeError: no process has filled a buffer on this worker's device, or in the host's memory.
        """
        import torch

        own = device_name(self.device)
        handle = handles.get(own) or handles.get("cpu")
        if handle is None:
            known = ", ".join(sorted(handles))
            raise RuntimeError(f"no trainer process has weights on {own}, only on {known}")
        if handle not in self.mapped:
            self.mapped.clear()  # unmaps a buffer that was too small
            self.mapped[handle] = _open(handle, self.device)
        for name, dtype, shape, first in pieces:
            kind = getattr(torch, dtype)
            count = int(torch.Size(shape).numel())
            content = self.mapped[handle][first : first + count * kind.itemsize]
            yield name, content.clone().view(kind).view(shape).to(self.device)

    def close(self) -> None:
        """Unmap all buffers, so that the trainer can free them."""
        self.mapped.clear()


def _open(handle: bytes, device: torch.device) -> torch.Tensor:
    import torch

    kind, arguments = pickle.loads(handle)  # from our own trainer, on the same machine
    if kind == "file":
        name, size = arguments
        return torch.from_file(name, shared=True, size=size, dtype=torch.uint8)
    from torch.multiprocessing.reductions import rebuild_cuda_tensor

    known: list[Any] = list(arguments)
    known[6] = device.index  # the GPU's index here; the trainer's may be another
    return rebuild_cuda_tensor(*known)


def reclaim() -> None:
    """Free exported buffers that no other process maps any more."""
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.ipc_collect()


def device_name(device: torch.device) -> str:
    """Return a GPU's unique id, which is the same in every process; `cpu` for a CPU."""
    import torch

    if device.type != "cuda":
        return device.type
    return str(torch.cuda.get_device_properties(device).uuid)
