"""Handles SIGTERM, by which a cluster takes the machine back: finish the step, save, ask for a restart.

`torchrun` forwards the signal to its processes and itself exits with code 1. Snakemake's `retries` and
Slurm's requeueing then start the job again. A process without torchrun exits with `REQUEUE`.
"""

import signal
from types import FrameType

REQUEUE = 75  # EX_TEMPFAIL of sysexits.h: try again later


class Preemption:
    """Records whether SIGTERM came. Leaving the block restores the former handler."""

    def __init__(self) -> None:
        self.came = False

    def __enter__(self) -> "Preemption":
        self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.came = True


class Preempted(SystemExit):
    """Ends the process after its state was saved. The same command continues the run."""

    def __init__(self, step: int):
        print(f"SIGTERM: saved after step {step}, leaving with code {REQUEUE}", flush=True)
        super().__init__(REQUEUE)
