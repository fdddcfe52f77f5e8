"""A Python that leaks once it is told to: what `site.python` names in the tests.

leaking_python.py FILE script.py ...    # takes memory when FILE appears; whoever comes next does not
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

told, command = Path(sys.argv[1]), sys.argv[2:]


def leak() -> None:
    while not told.exists() or told.read_text() not in " ".join(command):
        time.sleep(0.1)
    told.unlink()
    memory = []
    while True:
        memory.append(os.urandom(2**20) * 64)


threading.Thread(target=leak, daemon=True).start()
sys.exit(subprocess.call([sys.executable, *command]))
