"""A line every few seconds that says how far a long loop is, at what rate, and how long it will take."""

import sys
import time


class Progress:
    """Report progress on standard error, at most once every `every` seconds.

    Args:
        total: number of units to come.
        what: the stage's name, and the unit after a colon ("sft: step").
    """

    def __init__(self, total: int, what: str, *, every: float = 5.0):
        self.total = total
        self.name, _, self.unit = what.partition(": ")
        self.every = every
        self.start = self.last = time.monotonic()
        self.done = self.before = 0

    def resume(self, done: int) -> None:
        """Say that `done` units were there before this process began."""
        self.done = self.before = done

    def advance(self, units: int = 1, **facts) -> None:
        """Count `units` more; `facts` are shown beside the count."""
        self.done += units
        now = time.monotonic()
        if now - self.last < self.every and self.done < self.total:
            return
        self.last = now
        rate = (self.done - self.before) / max(now - self.start, 1e-9)
        left = (self.total - self.done) / rate if rate else float("inf")
        shown = "  ".join(f"{key} {_short(value)}" for key, value in facts.items())
        print(
            f"{self.name}: {self.unit or 'item'} {self.done}/{self.total}  {rate:.1f}/s  "
            f"{left:.0f} s left  {shown}".rstrip(),
            file=sys.stderr,
            flush=True,
        )


def _short(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
