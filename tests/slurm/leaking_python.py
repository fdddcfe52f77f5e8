"""A Python interpreter that leaks memory on request; `site.python` names it in the tests.

leaking_python.py FILE script.py ...    # takes memory when FILE appears; the next process does not
"""

import subprocess
import sys
import threading
import time
from pathlib import Path

told, command = Path(sys.argv[1]), sys.argv[2:]


def leak() -> None:
    while not told.exists() or told.read_text() not in " ".join(command):
        time.sleep(0.02)
    told.unlink()
    memory = []
    while len(memory) < 32:  # 8 GiB, far above what any job here may have
        memory.append(b"x" * 2**28)
        time.sleep(0.05)


threading.Thread(target=leak, daemon=True).start()
sys.exit(subprocess.call([sys.executable, *command]))
