"""How far a supervised run is, and early stopping on its validation loss (section 3.4)."""

import math
from dataclasses import dataclass, field


@dataclass
class SftProgress:
    """What a resumed run needs besides weights and optimizer.

    Attributes:
        step: steps taken.
        best_step, best_loss: of the lowest validation loss so far, in nats a token.
        worse: validations since then.
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
        """Note a validation loss, in nats a token; True if it is the lowest so far.

        Args:
            patience: validations in a row without a lower loss that stop the run.
        """
        if loss < self.best_loss:
            self.best_loss, self.best_step, self.worse = loss, self.step, 0
            return True
        self.worse += 1
        self.stopped = self.worse >= patience
        return False
