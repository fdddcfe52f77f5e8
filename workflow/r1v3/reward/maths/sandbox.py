r"""The child process that does symbolic algebra: `python -m r1v3.reward.maths.sandbox`.

It reads one JSON request per line from stdin and writes one JSON reply per line to stdout. Before it parses
anything, the process limits itself: address space (bytes), processor time per request (seconds), wall-clock
time as a backstop, no core dump, no file of more than 0 bytes. The kernel's timer of processor time kills it
even inside C code, and a busy machine does not change a verdict. The process runs without the parent's
environment, so without its keys. It exits when its parent's end of the pipe closes.

A request with its own `seconds` is answered by a fork, so a hanging one does not cost a new start of sympy.
The pool asks so for the rest of a batch in which many answers hang.
"""

import json
import logging
import os
import signal
import sys
from functools import lru_cache
from typing import Any

from r1v3.base.memory import limit_process

WALL_FACTOR = 10  # most wall-clock seconds of a request for each second of processor time


def equal(answer: str, gold: str, digits: int) -> bool:
    """Return whether math-verify considers two LaTeX answers equal."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    def read(text: str) -> list[Any]:
        config = [LatexExtractionConfig(), ExprExtractionConfig()]
        return parse(
            f"${text}$",
            extraction_config=config,
            parsing_timeout=None,  # pyright: ignore[reportArgumentType] - None switches its timer off
        )

    return verify(read(gold), read(answer), float_rounding=digits, timeout_seconds=None)


def _set_timers(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * WALL_FACTOR)


def reply_to(request: dict[str, Any], seconds: float) -> str:
    """Return the line that answers a request. The process is killed if this takes too long."""
    _set_timers(seconds)
    try:
        reply = {"equal": bool(equal(request["answer"], request["gold"], request["digits"]))}
    except MemoryError:
        reply = {"error": "memory"}
    except Exception as error:  # an error of sympy concerns only this request
        reply = {"error": type(error).__name__}
    _set_timers(0)
    return json.dumps(reply) + "\n"


@lru_cache(maxsize=1)
def warm_up() -> None:
    """Compute an integral, so that sympy's modules for integrals are loaded before a fork."""
    equal(r"\int_0^1 x^2 dx", r"\frac{1}{3}", 12)


def reply_of_fork(request: dict[str, Any], seconds: float) -> str:
    """Answer a request in a child process; if the child dies, answer with an error."""
    warm_up()
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writable, reply_to(request, seconds).encode())
        finally:
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as pipe:
        line = pipe.read()
    os.waitpid(child, 0)
    return (
        line or json.dumps({"error": "killed: over its time in a batch of hanging answers"}) + "\n"
    )


def answer_requests(seconds: float, memory_bytes: int) -> None:
    """Answer requests until stdin closes."""
    logging.disable(logging.CRITICAL)
    limit_process(memory_bytes)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    equal(r"\frac{1}{2}", "0.5", 12)  # load everything before the timer of the first request starts

    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        brief = request["seconds"]
        reply = reply_of_fork(request, brief) if brief else reply_to(request, seconds)
        print(reply, end="", flush=True)


if __name__ == "__main__":
    answer_requests(float(sys.argv[1]), int(sys.argv[2]))
