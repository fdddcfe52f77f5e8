"""Runs on every rank: one works longer than the process group waits, or ends without a message."""

import os
import sys
import time
from datetime import timedelta

import torch.distributed as dist

from r1v3.train.core import barrier
from r1v3.train.core.ranks import Ranks

what = sys.argv[1]
start = dist.init_process_group
dist.init_process_group = lambda *names: start(*names, timeout=timedelta(seconds=2))
barrier.BEAT, barrier.SILENT = 0.2, 3.0
ranks = Ranks.join()
if what == "long work":
    for _ in range(2):
        if ranks.rank == 1:
            time.sleep(5)
        assert ranks.gather([ranks.rank]) == [0, 1]
    ranks.wait()
else:
    ranks.wait()
    if ranks.rank == 1:
        os._exit(0)
    began = time.monotonic()
    said = ""
    try:
        ranks.wait()
    except RuntimeError as error:
        said = str(error)
    told = "rank 1 has given no sign of life" in said and 2 < time.monotonic() - began < 30
    print(said, file=sys.stderr, flush=True)
    os._exit(0 if told else 1)  # the group would wait for the lost rank at its own end as well
