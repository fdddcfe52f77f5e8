"""What a figure needs to be believed: how busy the machine was, ratios of neighbours, shares that can be."""

import os
import statistics


def busy() -> float:
    """Processes that wanted a core in the last minute, a core that this process may use."""
    return round(os.getloadavg()[0] / len(os.sched_getaffinity(0)), 2)


def told_busy() -> str:
    """How busy the machine is, as a line."""
    load, cores = busy(), len(os.sched_getaffinity(0))
    warning = "; it is busy, so ratios alone mean something" if load > 0.5 else ""
    return f"{load:.2f} processes a core on {cores} cores before the first run{warning}"


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """The median over repeats of two sides' ratio: neighbours in time see the same machine."""
    return statistics.median(own / other for own, other in zip(ours, theirs, strict=True))


def possible(share: float) -> float | None:
    """A share of the peak, or None where it cannot be: the peak was measured on a busier machine."""
    return round(share, 4) if 0 <= share <= 1 else None
