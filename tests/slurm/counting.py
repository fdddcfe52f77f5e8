"""A stage that never ends by itself the first time: on SIGTERM it saves and asks for more time."""

import os
import sys
import time
from pathlib import Path

from r1v3.train.preemption import REQUEUE, Preemption

folder = Path(sys.argv[1])
rank = os.environ.get("RANK", "0")
state = folder / f"rank-{rank}.txt"
if state.exists():
    state.write_text(f"{state.read_text()} and went on")
    sys.exit(0)
with Preemption() as preemption:
    while not preemption.came:
        time.sleep(0.2)
state.write_text("saved")
sys.exit(REQUEUE)
