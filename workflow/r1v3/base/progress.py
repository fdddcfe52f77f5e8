"""Shows the progress of a long loop: tqdm's bar on a terminal, otherwise a plain line every few seconds.

A log file keeps everything, so a bar would fill it with copies of itself.
"""

import sys
import time

from tqdm import tqdm


class Progress:
    """Reports progress on standard error.

    Args:
        total: number of units to do, as far as it is known; more may come.
        what: the stage's name, and the unit after a colon ("sft: step").
        every: seconds between two plain lines; the last one is always written.
    """

    def __init__(self, total: int, what: str, *, every: float = 5.0):
        name, _, unit = what.partition(": ")
        self.total, self.name, self.unit = total, name, unit or "item"
        self.every = every
        self.start = self.last = time.monotonic()
        self.done = self.before = 0
        self.first = True
        self.bar = None
        if sys.stderr.isatty():
            self.bar = tqdm(total=total, desc=name, unit=unit or "item", disable=False)

    def resume(self, done: int) -> None:
        """Say that `done` units were done before this process began."""
        self.done = self.before = done
        if self.bar is not None:
            self.bar.initial = self.bar.n = done
            self.bar.refresh()

    def advance(self, units: int = 1, **facts: object) -> None:
        """Count `units` more; `facts` are shown beside the count."""
        self.done += units
        if self.bar is not None:
            self.bar.set_postfix(
                {key: _short(value) for key, value in facts.items()}, refresh=False
            )
            self.bar.update(units)
            if self.done >= self.total:
                self.bar.close()
            return
        now = time.monotonic()
        if self.first and self.done < self.total:
            # The first unit also waits for the start of a stage, so it says nothing about later units.
            self.start, self.before = now, self.done
        self.first = False
        if now - self.last < self.every and self.done != self.total:
            return
        self.last = now
        shown = "  ".join(f"{key} {_short(value)}" for key, value in facts.items())
        print(
            f"{self.name}: {self.unit} {self._count()}  {self._pace(now)}{shown}".rstrip(),
            file=sys.stderr,
            flush=True,
        )

    def _count(self) -> str:
        """Return how much is done, and of how much unless there is more than was expected."""
        return f"{self.done}/{self.total}" if self.done <= self.total else str(self.done)

    def _pace(self, now: float) -> str:
        """Return units a second and the time left; empty before a second unit."""
        counted = self.done - self.before
        if not counted:
            return ""
        rate = counted / max(now - self.start, 1e-9)
        if self.done > self.total:
            return f"{rate:.1f}/s  "
        return f"{rate:.1f}/s  {(self.total - self.done) / rate:.0f} s left  "


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
