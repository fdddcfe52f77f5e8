"""A barrier that waits as long as every process lives, however long one of them works.

gloo gives up after 30 minutes and NCCL after 10, while one process may sample for hours. So the processes
first meet here: each counts itself as come in the store that they joined by, and beats beside its work. Only
a process that no longer beats ends the waiting.
"""

import atexit
import contextlib
import threading
import time
from collections import Counter
from typing import Any

BEAT = 15.0  # seconds between two beats
SILENT = 600.0  # seconds without a beat after which a process counts as lost
LAST_BEAT = 10.0  # seconds that the end of a process waits for a beat under way
LONGEST_NAP = 0.2  # seconds between two looks

_meetings: Counter[str] = Counter()  # so far, by lane


def beat_beside_the_work(store: Any, rank: int) -> None:
    """Start this process's heartbeat; it ends before the process does, or when the store has gone.

    A thread that is inside the store while Python ends is torn out of C++, which aborts the process. So the
    process waits at its end for the beat that is under way.

    Args:
        store: `torch.distributed.Store` of all processes.
    """
    over = threading.Event()

    def beat() -> None:
        with contextlib.suppress(RuntimeError):  # the process that keeps the store has ended
            store.add(_beats(rank), 1)
            while not over.wait(BEAT):
                store.add(_beats(rank), 1)

    def end() -> None:
        over.set()
        thread.join(LAST_BEAT)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    atexit.register(end)


def meet(store: Any, rank: int, world: int, lane: str = "") -> None:
    """Wait until all processes have called this as often as this one.

    Args:
        lane: meetings of one thread of each process; those of other lanes are counted apart.

    Raises:
        RuntimeError: a process has not beaten for `SILENT` seconds; names its rank.
    """
    number = _meetings[lane]
    _meetings[lane] += 1
    come = store.add(_come(number, lane), 1)
    began = looked = time.monotonic()
    heard: dict[int, tuple[int, float]] = {}
    while come < world:
        now = time.monotonic()
        time.sleep(min(LONGEST_NAP, 0.001 + (now - began) / 20))
        if now - looked >= min(BEAT, SILENT / 4):
            looked = now
            _check_beats(store, world, heard)
        come = store.add(_come(number, lane), 0)
    if rank == 0 and number:
        store.delete_key(_come(number - 1, lane))  # all have left that one


def _check_beats(store: Any, world: int, heard: dict[int, tuple[int, float]]) -> None:
    """Note every process's beats, and when they last grew by this process's clock."""
    now = time.monotonic()
    for other in range(world):
        beats = store.add(_beats(other), 0)
        if other not in heard or beats != heard[other][0]:
            heard[other] = beats, now
        elif now - heard[other][1] > SILENT:
            raise RuntimeError(
                f"rank {other} has given no sign of life for {SILENT / 60:.0f} minutes"
            )


def _beats(rank: int) -> str:
    return f"r1v3/beats/{rank}"


def _come(number: int, lane: str) -> str:
    return f"r1v3/come/{lane}{number}"
