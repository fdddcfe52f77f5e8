"""The most memory that this process has held."""

import re
import resource
from pathlib import Path


def peak_resident() -> int:
    """Bytes resident at the most, since this process's program began.

    Linux hands `ru_maxrss` on from a parent to the program that its child executes, so what a small
    process says of itself may be what a large parent held; `VmHWM` is its own.
    """
    status = Path("/proc/self/status")
    own = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.M) if status.exists() else None
    kib = int(own[1]) if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib * 1024
