"""The Slurm job that this process runs in: its nodes, its remaining time, and how it is queued again."""

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
    """A running job. `left` is the remaining time in seconds; it is infinite if the job has no limit."""

    id: str
    nodes: int
    cpus: int
    left: float
    restarts: int

    @classmethod
    def here(cls) -> "Allocation | None":
        """Return the job that this process runs in; None outside of a job.

        Of Slurm's variables, Snakemake passes only the job's id on, so Slurm is asked for the rest.
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
        """Return the job's first node, on which its own script runs."""
        return socket.gethostname()

    def watch(self, child: subprocess.Popen, *, margin: float) -> int:
        """Wait for a child. `margin` seconds before the job's limit, let it save, and queue the job again.

        A signal from outside (`scancel`, pre-emption) reaches the child directly, and Slurm decides what
        happens to the job. The margin is at most a quarter of the time that was left at the start.

        Returns:
            The child's exit code, or that of a job that was queued again.
        """
        signal.signal(signal.SIGTERM, lambda *_: None)
        margin = min(margin, self.left / 4)
        limit = None if self.left == float("inf") else self.left - margin
        try:
            return child.wait(limit)
        except subprocess.TimeoutExpired:
            print(f"the job has {margin:.0f} s left: saving", flush=True)
        self._terminate(child)
        code = child.wait()
        if code == 0:
            return 0
        print(f"job {self.id} is queued again", flush=True)
        subprocess.run(["scontrol", "requeue", self.id], check=True)
        time.sleep(120)  # Slurm ends this process in the meantime
        return REQUEUE

    def _terminate(self, child: subprocess.Popen) -> None:
        """Send SIGTERM to the child, or to all processes of its step, as srun would kill them at once."""
        if self.nodes == 1:
            child.terminate()
        else:
            subprocess.run(["scancel", "--signal=TERM", self.id], check=True)


def seconds_of(text: str) -> float:
    """Parse Slurm's `days-hours:minutes:seconds`, whose leading parts may be missing; words mean infinity."""
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
