"""The Slurm job around this process: its nodes, what is left of its time, and its way back into the queue."""

import os
import re
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

from r1v3.train.core.preemption import REQUEUE

FIELDS = "%D|%C|%L|%N"


@dataclass(frozen=True)
class Allocation:
    """A running job. `left` is in seconds, infinite where the job has no limit."""

    id: str
    nodes: int
    cpus: int
    left: float
    restarts: int

    @classmethod
    def here(cls) -> "Allocation | None":
        """The job that this process is part of; None outside of one.

        Snakemake hands down none of Slurm's variables but the id, so the rest is asked for.
        """
        job = os.environ.get("SLURM_JOB_ID")
        if job is None:
            return None
        nodes, cpus, left, _ = _ask("squeue", "-h", "-j", job, "-o", FIELDS).strip().split("|")
        restarts = re.search(r"\bRestarts=(\d+)", _ask("scontrol", "-o", "show", "job", job))
        return cls(
            job, int(nodes), int(cpus), seconds_of(left), int(restarts[1] if restarts else 0)
        )

    @property
    def cpus_per_node(self) -> int:
        return max(1, self.cpus // self.nodes)

    @property
    def first_host(self) -> str:
        """Where the job's own script runs, which is its first node."""
        return socket.gethostname()

    def watch(self, child: subprocess.Popen, *, margin: float) -> int:
        """Wait for a child; `margin` seconds before the limit let it save, and queue the job again.

        A signal of somebody else's (`scancel`, pre-emption) reaches the child by itself, and it is Slurm's
        to decide what becomes of the job. A quarter of a short limit is the most that is given away.
        """
        signal.signal(signal.SIGTERM, lambda *_: None)
        margin = min(margin, self.left / 4)
        limit = None if self.left == float("inf") else self.left - margin
        try:
            return child.wait(limit)
        except subprocess.TimeoutExpired:
            print(f"{margin:.0f} s are left of the job's time: saving", flush=True)
        self._terminate(child)
        code = child.wait()
        if code == 0:
            return 0
        print(f"back into the queue: job {self.id}", flush=True)
        subprocess.run(["scontrol", "requeue", self.id], check=True)
        time.sleep(120)  # Slurm ends this process meanwhile
        return REQUEUE

    def _terminate(self, child: subprocess.Popen) -> None:
        """SIGTERM for the child, or for every process of its step: srun itself would kill them."""
        if self.nodes == 1:
            child.terminate()
        else:
            subprocess.run(["scancel", "--signal=TERM", self.id], check=True)


def seconds_of(text: str) -> float:
    """Slurm's `days-hours:minutes:seconds`, leading parts left out; infinite for words such as UNLIMITED."""
    days, _, clock = text.strip().rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in parts):
        return float("inf")
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + int(part)
    return seconds + 86_400 * int(days or 0)


def _ask(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
