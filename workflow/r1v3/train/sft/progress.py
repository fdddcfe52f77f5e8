"""The progress of a supervised run, and early stopping on its validation loss (section 3.4)."""

import math
from dataclasses import dataclass, field


@dataclass
class SftProgress:
    """The part of a run's state that is neither weights nor optimizer; a resumed run needs it.

    Attributes:
        step: number of steps taken.
        best_step, best_loss: step and value of the lowest validation loss so far, in nats a token.
        worse: number of validations since then.
        stopped: whether early stopping has ended the run.
        recent: losses of the last steps, which `check_step` compares with.
    """

    step: int = 0
    best_step: int = 0
    best_loss: float = math.inf
    worse: int = 0
    stopped: bool = False
    recent: list[float] = field(default_factory=list[float])

    def note_validation(self, loss: float, patience: int) -> bool:
        """Record a validation loss, in nats a token, and return whether it is the lowest so far.

        Args:
            patience: number of validations in a row without a lower loss that stops the run.
        """
        if loss < self.best_loss:
            self.best_loss, self.best_step, self.worse = loss, self.step, 0
            return True
        self.worse += 1
        self.stopped = self.worse >= patience
        return False
