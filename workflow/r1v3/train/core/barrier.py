"""A barrier without a time limit: it waits as long as every process is alive.

gloo's barrier fails after 30 minutes and NCCL's after 10, but one process may sample for hours. So the
processes meet here first. Each process counts itself in the store that all have joined, and a thread of each
process sends heartbeats. The waiting fails only if a process sends no more heartbeats.
"""

import atexit
import contextlib
import threading
import time
from collections import Counter
from typing import Any

BEAT = 15.0  # seconds between two heartbeats
SILENT = 600.0  # seconds without a heartbeat after which a process counts as lost
LAST_BEAT = 10.0  # most seconds that an ending process waits for its last heartbeat
LONGEST_NAP = 0.2  # most seconds between two looks at the store

_meetings: Counter[str] = Counter()  # number of barriers so far, by lane


def start_heartbeat(store: Any, rank: int) -> None:
    """Start the heartbeat of this process. It ends with the process, or when the store is gone.

    Python aborts if it ends while a thread is inside the store's C++ code. So the process waits at its end
    for a heartbeat that is being sent.

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


def wait_for_all(store: Any, rank: int, world: int, lane: str = "") -> None:
    """Wait until all processes have called this function as often as this one.

    Args:
        lane: name of a thread of each process. Barriers of different lanes are counted separately.

    Raises:
        RuntimeError: a process has sent no heartbeat for `SILENT` seconds; the message names its rank.
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
        store.delete_key(_come(number - 1, lane))  # all have left that barrier


def _check_beats(store: Any, world: int, heard: dict[int, tuple[int, float]]) -> None:
    """Read the number of heartbeats of each process, and when it last grew by this process's clock."""
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
