"""A pool of symbolic workers that can be killed. They start when the first question needs them.

Workers are plain subprocesses with pipes instead of `multiprocessing` ones. They can be started from any
thread, from a daemonic process and during training, and they never import the caller's `__main__` again. A
worker that hangs or dies loses only its current request; the next request gets a new worker.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from r1v3.reward.maths.sandbox import WALL_FACTOR

# `{"equal": bool}`, or `{"error": reason}`.
Reply: TypeAlias = dict[str, Any]

SECONDS = 3.0  # processor time per request; the wall-clock limit is ten times as long
MEMORY_BYTES = 1 << 30  # address space per worker
START_SECONDS = 300.0  # a busy machine may need minutes; a dead worker is noticed at once
MAX_SYMBOLIC_CHARS = 600  # longer answers never reach a worker
MAX_KILLS = 24  # hanging requests in a batch after which the others get little time
BRIEF_SECONDS = 0.2  # processor time of each of these; most need a tenth of it
MAX_REQUESTS = 2_000  # of a worker before it is replaced, because sympy's caches grow


class _Worker:
    """A subprocess and its two pipes."""

    def __init__(self, seconds: float, memory_bytes: int):
        package_root = str(Path(__file__).resolve().parents[3])
        environment = {
            "PYTHONPATH": package_root,
            "PATH": os.environ.get("PATH", ""),
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.seconds = seconds
        self.requests = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "r1v3.reward.maths.sandbox", str(seconds), str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=package_root,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.pending = b""
        if self._read_line(START_SECONDS) is None:
            self.kill()
            raise RuntimeError("the symbolic worker did not start; is math-verify installed?")

    def ask(self, answer: str, gold: str, digits: int, brief: float | None) -> Reply:
        self.requests += 1
        request = {"answer": answer, "gold": gold, "digits": digits, "seconds": brief}
        line = json.dumps(request) + "\n"
        try:
            self.stdin.write(line.encode())
            self.stdin.flush()
        except OSError:
            return {"error": "worker died"}
        reply = self._read_line(self.seconds * WALL_FACTOR + 5.0)
        if reply is None:
            dead = self.process.poll() is not None
            self.kill()
            return {"error": "killed: over its time or memory" if dead else "killed: over its time"}
        return json.loads(reply)

    def _read_line(self, timeout: float) -> bytes | None:
        descriptor = self.stdout.fileno()
        poller = select.poll()  # select() fails above descriptor 1023, which training may reach
        poller.register(descriptor, select.POLLIN)
        while b"\n" not in self.pending:
            if not poller.poll(timeout * 1000):
                return None
            chunk = os.read(descriptor, 65_536)
            if not chunk:
                self.process.wait()
                return None
            self.pending += chunk
        line, _, self.pending = self.pending.partition(b"\n")
        return line

    @property
    def usable(self) -> bool:
        return self.process.poll() is None and self.requests < MAX_REQUESTS

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):  # a dead process cannot read the rest
            self.stdin.close()
        self.stdout.close()


class WorkerPool:
    """Up to `size` workers. Any thread may call `ask`."""

    def __init__(self, size: int = 1, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES):
        self.size = max(1, size)
        self.seconds = seconds
        self.memory_bytes = memory_bytes
        self._reset()

    def _reset(self) -> None:
        self._owner = os.getpid()
        self._slots = threading.BoundedSemaphore(self.size)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []

    def ask(self, answer: str, gold: str, digits: int = 12, brief: float | None = None) -> Reply:
        """Return {'equal': bool} or {'error': reason}.

        Args:
            digits: number of decimals to which floating-point numbers are compared.
            brief: processor time in seconds, shorter than the pool's, for a request that a fork of a worker
                answers.
        """
        if max(len(answer), len(gold)) > MAX_SYMBOLIC_CHARS:
            return {"error": f"longer than {MAX_SYMBOLIC_CHARS} characters"}
        if self._owner != os.getpid():  # after a fork the pipes belong to the parent
            self._reset()
        with self._slots:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is not None and not worker.usable:
                worker.kill()
                worker = None
            worker = worker or _Worker(self.seconds, self.memory_bytes)
            reply = worker.ask(answer, gold, digits, brief)
            if worker.usable:
                with self._lock:
                    self._idle.append(worker)
            else:
                worker.kill()
            return reply

    def ask_many(self, questions: list[tuple[str, str, int]]) -> list[Reply]:
        """Ask several questions at once; replies come in order. After MAX_KILLS kills, ask briefly."""
        kills = [0]

        def ask(question: tuple[str, str, int]) -> Reply:
            reply = self.ask(*question, BRIEF_SECONDS if kills[0] >= MAX_KILLS else None)
            kills[0] += reply.get("error", "").startswith("killed")
            return reply

        if len(questions) <= 1 or self.size == 1:
            return [ask(question) for question in questions]
        with ThreadPoolExecutor(self.size) as threads:
            return list(threads.map(ask, questions))

    def close(self) -> None:
        """Stop all idle workers. The pool may be used again afterwards."""
        if self._owner != os.getpid():
            return
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()


@lru_cache(maxsize=1)
def shared_pool() -> WorkerPool:
    """Return the pool for single calls of `grade`: one worker, shared by all threads."""
    import atexit

    pool = WorkerPool(1)
    atexit.register(pool.close)
    return pool
