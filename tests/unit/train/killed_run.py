"""Runs the small model, which kills itself by signal 9 at a step or while a state is saved."""

import os
import signal
import sys
from pathlib import Path

from training_fixtures import sft_run

from r1v3.train.core import engine
from r1v3.train.core.metrics import MetricsLog

where, step, start, data, folder = sys.argv[1], int(sys.argv[2]), *map(Path, sys.argv[3:])


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if where == "writing":
    write = MetricsLog.write

    def once(self, at, **values):
        if at == step:
            kill()
        write(self, at, **values)

    MetricsLog.write = once
elif where == "saving":
    save = engine.save_state

    def half(folder, at, state, **rule):
        save(folder, at, state, **rule)
        if at == step:
            written = folder / f"step-{at:06d}.pt"
            written.with_suffix(".json").unlink()  # as if killed between the state and its seal
            kill()

    engine.save_state = half

sft_run(folder, start, data, resume={"seconds": 0, "keep": 3})
