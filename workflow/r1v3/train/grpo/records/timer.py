"""Seconds of the phases of one step."""

import time


class StepTimer:
    """Measures the time since its creation and the seconds of each phase, by `lap` or by `add`."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        """End a phase that began at the last lap, or at the start of the step."""
        now = time.monotonic()
        self.add(**{phase: now - self.last})
        self.last = now

    def add(self, **phases: float) -> None:
        """Add seconds to phases by name."""
        for name, value in phases.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + value

    def total(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.began
