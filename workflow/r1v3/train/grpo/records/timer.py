"""Seconds of the phases of one step."""

import time


class StepTimer:
    """Times a step from its creation on; phases may be timed by `lap` or added."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        """End a phase that began with the step or with the lap before."""
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
