"""Makes figures trustworthy: the load of the machine, ratios of neighbouring runs, and possible shares."""

import os
import statistics


def busy() -> float:
    """Return the mean number of runnable processes in the last minute, per core of this process."""
    return round(os.getloadavg()[0] / len(os.sched_getaffinity(0)), 2)


def told_busy() -> str:
    """Return a line about the load of the machine."""
    load, cores = busy(), len(os.sched_getaffinity(0))
    warning = "; it is busy, so ratios alone mean something" if load > 0.5 else ""
    return f"{load:.2f} processes a core on {cores} cores before the first run{warning}"


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median ratio of two sides over repeats; runs close in time see the same load."""
    return statistics.median(own / other for own, other in zip(ours, theirs, strict=True))


def possible(share: float) -> float | None:
    """Return a share of the peak, or None if it is impossible because the peak was measured under load."""
    return round(share, 4) if 0 <= share <= 1 else None
