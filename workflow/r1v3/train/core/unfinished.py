"""Saving and restoring of an unfinished run, and its reaction to SIGTERM."""

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from r1v3.recipe.schema.training import Resume
from r1v3.train.core.engine import State, TrainingEngine
from r1v3.train.core.preemption import Preempted, Preemption


class UnfinishedRun:
    """Saves a run's state every `resume.seconds` and on SIGTERM, and restores the newest state.

    Use it as a context manager around the training loop. Inside, SIGTERM ends the run after the current step.

    Args:
        folder: folder of the run; states are in its `resume/`.
        resume: the recipe's section.
        total: steps of the whole run; nothing is saved after the last one.
    """

    def __init__(self, engine: TrainingEngine, folder: Path, resume: Resume, total: int):
        self.engine, self.resume, self.total = engine, resume, total
        self.folder = Path(folder) / "resume"
        self.preemption = Preemption()
        self.saved_at = time.monotonic()

    def restore(self) -> State | None:
        """Load the newest intact state into the engine and return its progress; None on a first start.

        It returns after every rank has read the state, because the first rank will soon replace the file.
        """
        progress = self.engine.load_state(self.folder)
        self.engine.ranks.wait()
        return progress

    def __enter__(self) -> Self:
        self.preemption.__enter__()
        self.saved_at = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.preemption.__exit__(kind, error, traceback)

    def save_if_due(self, step: int, progress: State) -> None:
        """Save after `step` steps if it is time, or if any rank got SIGTERM.

        Args:
            progress: the part of the state that is neither weights nor optimizer.

        Raises:
            SystemExit: SIGTERM came. The state is saved, and the exit code is `REQUEUE`.
        """
        ranks = self.engine.ranks
        due = ranks.first and time.monotonic() - self.saved_at > self.resume.seconds
        came, due = ranks.sum(self.preemption.came, due)
        if not (came or due) or step >= self.total:
            return
        state = progress | self.beside(step)
        self.engine.save_state(self.folder, step, state, keep=self.resume.keep)
        self.after_save(step)
        self.saved_at = time.monotonic()
        if came:
            raise Preempted(step)

    def beside(self, step: int) -> State:
        """Return what else the state after `step` steps needs. Subclasses override this hook."""
        return {}

    def after_save(self, step: int) -> None:
        """Delete what the saved state makes superfluous. Subclasses override this hook."""
