"""The most memory that this process has used, and a limit on what it may use."""

import re
import resource
from pathlib import Path


def peak_rss() -> int:
    """Peak resident set size in bytes, since this process's program began.

    Linux hands `ru_maxrss` of a parent on to the program that its child executes, so a small process may
    report what a large parent used. `VmHWM` in /proc is the process's own.
    """
    status = Path("/proc/self/status")
    own = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.M) if status.exists() else None
    kib = int(own[1]) if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib * 1024


def limit_process(memory_bytes: int) -> None:
    """Cap this process's address space for good; it can write neither files nor core dumps after that."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
