"""SIGTERM (a cluster takes the machine back): finish the step, save, leave with a code that asks for more.

`torchrun` passes the signal on to its processes and reports any failed one with code 1, which
Snakemake's `retries` and Slurm's requeueing start again; alone, the process leaves with `REQUEUE`.
"""

import signal

REQUEUE = 75  # EX_TEMPFAIL of sysexits.h: try again later


class Preemption:
    """Remembers that SIGTERM came; the handler that was there returns at the end of the block."""

    def __init__(self):
        self.came = False

    def __enter__(self) -> "Preemption":
        self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(self, *_) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def _note(self, *_) -> None:
        self.came = True


class Preempted(SystemExit):
    """The state is saved; the same command continues."""

    def __init__(self, step: int):
        print(f"SIGTERM: saved after step {step}, leaving with code {REQUEUE}", flush=True)
        super().__init__(REQUEUE)
