"""Early stopping on the validation loss (section 3.4), and where a run is."""

import math
from dataclasses import dataclass, field


@dataclass
class Place:
    """Where a run is; all that a resumed one needs beside weights and optimizer."""

    step: int = 0
    best_step: int = 0
    best_loss: float = math.inf
    worse: int = 0
    stopped: bool = False
    recent: list[float] = field(default_factory=list)

    def judge(self, loss: float, patience: int) -> bool:
        """Take note of a validation loss, in nats a token; True if it is the lowest so far."""
        if loss < self.best_loss:
            self.best_loss, self.best_step, self.worse = loss, self.step, 0
            return True
        self.worse += 1
        self.stopped = self.worse >= patience
        return False
