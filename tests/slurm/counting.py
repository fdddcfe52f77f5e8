"""Runs a stage that does not end by itself the first time: on SIGTERM it saves and asks for more time.

If several processes share an evaluation, only the last one finds everything answered.
"""

import os
import sys
import time
from pathlib import Path

from r1v3.train.core.preemption import REQUEUE, Preemption

folder = Path(sys.argv[1])
rank, shard = os.environ.get("RANK"), os.environ.get("R1V3_SHARD")
if rank is None and shard is None:
    (folder / "whole.txt").write_text("found everything there")
    sys.exit(0)
state = folder / f"rank-{rank or shard.partition('/')[0]}.txt"
if state.exists():
    restarts = os.environ["SLURM_RESTART_COUNT"]
    state.write_text(f"{state.read_text()} and went on in restart {restarts}")
    sys.exit(0)
words = ["with", os.environ["SLURM_CPUS_PER_TASK"]] if shard else []
with Preemption() as preemption:
    while not preemption.came:
        time.sleep(0.2)
state.write_text(" ".join(["saved", *words]))
sys.exit(REQUEUE)
