"""The most memory that this process has used."""

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
