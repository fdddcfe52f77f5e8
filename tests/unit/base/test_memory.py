"""`peak_rss` is the peak of the process itself, not that of a larger parent."""

import subprocess
import sys

from r1v3.base.memory import peak_rss

CHILD = "from r1v3.base.memory import peak_rss; print(peak_rss())"


def test_a_small_child_of_a_large_parent_is_small():
    held = bytearray(200 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    told = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert peak_rss() > len(held)
    assert 2**20 < int(told.stdout) < 100 * 2**20
