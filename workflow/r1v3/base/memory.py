"""Measures and limits the memory of this process."""

import re
import resource
from pathlib import Path


def peak_rss() -> int:
    """Return the peak resident set size in bytes since this process's program began.

    Linux passes a parent's `ru_maxrss` on to the program that its child executes, so a small process may
    report what a large parent used. `VmHWM` in /proc is the process's own.
    """
    status = Path("/proc/self/status")
    own = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.M) if status.exists() else None
    kib = int(own[1]) if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib * 1024


def limit_process(memory_bytes: int) -> None:
    """Limit this process's address space permanently. It can write no files or core dumps afterwards."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
