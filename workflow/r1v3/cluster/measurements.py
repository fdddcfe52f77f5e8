"""Measures how fast the disk and the network are. A check fails if a run would be unusably slow."""

import os
import time
from pathlib import Path

import torch
import torch.distributed as dist

from r1v3.cluster.check_outcome import CheckOutcome, ok_or_stop
from r1v3.train.core.ranks import Ranks

DISK_MB, LEAST_DISK = 256, 100e6  # bytes a second; below this, a state of 0.5 TB takes over an hour
# Bytes a second; below this, gathering weights takes longer than computing with them.
LEAST_GPU_BUS = 20e9


def disk(work: Path, least: float = LEAST_DISK) -> CheckOutcome:
    """Write and read a file, without the cache if the system allows that.

    Args:
        least: bytes a second that a run needs; 0 if its states are small.
    """
    work.mkdir(parents=True, exist_ok=True)
    path, block = work / f".preflight-{os.environ.get('RANK', '0')}", os.urandom(2**20)
    try:
        began = time.perf_counter()
        with open(path, "wb") as file:
            for _ in range(DISK_MB):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            written = DISK_MB * 2**20 / (time.perf_counter() - began)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began = time.perf_counter()
        with open(path, "rb") as file:
            while file.read(2**22):
                pass
        read = DISK_MB * 2**20 / (time.perf_counter() - began)
    finally:
        path.unlink(missing_ok=True)
    seen = f"writes {written / 1e6:,.0f} MB/s, reads {read / 1e6:,.0f} MB/s at {work}"
    return ok_or_stop(
        written >= least,
        seen,
        f"at least {least / 1e6:.0f} MB/s are needed: call in a checkout on the parallel file system",
    )


def all_reduce(ranks: Ranks, size: int = 2**26) -> CheckOutcome:
    """Measure the bus bandwidth of an all-reduce over all processes, bytes a second, as nccl-tests define it.

    Raises:
        RuntimeError: the sum over the processes is wrong.
    """
    if ranks.world == 1:
        return CheckOutcome("ok", "one process, none needed")
    tensor = torch.ones(size if ranks.device.type == "cuda" else size // 16, device=ranks.device)
    dist.all_reduce(tensor)
    if float(tensor[-1]) != ranks.world:
        raise RuntimeError(
            f"all_reduce of a 1 from each of {ranks.world} processes gave {float(tensor[-1])}"
        )
    tensor.fill_(0)
    best = float("inf")
    for _ in range(5):
        ranks.wait()
        began = time.perf_counter()
        dist.all_reduce(tensor)
        if ranks.device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    bus = 2 * (ranks.world - 1) / ranks.world * tensor.numel() * 4 / best
    fine = ranks.device.type != "cuda" or bus >= LEAST_GPU_BUS
    return ok_or_stop(
        fine,
        f"{bus / 1e9:.2f} GB/s on the bus over {ranks.world} {ranks.device.type} processes",
        "choose the fast network by NCCL_SOCKET_IFNAME and NCCL_IB_HCA in slurm/site.yaml",
    )
