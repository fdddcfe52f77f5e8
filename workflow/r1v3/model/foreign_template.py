"""Renders another model's chat template in its own process, within limits of time, memory and length."""

import atexit
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import r1v3

SECONDS = 5.0  # limit of CPU time; templates take less than a millisecond
WALL_FACTOR = 20  # limit of wall time a second of CPU time, including the start, on a busy machine


class TemplateError(ValueError):
    """The chat template of a model cannot be rendered."""


class ForeignTemplate:
    """A model's chat template.

    Args:
        text: the template.
        model: the model that errors name.
        seconds: CPU time that one prompt may take.
    """

    def __init__(self, text: str, model: Path, *, seconds: float = SECONDS):
        self.text, self.model, self.seconds = text, model, seconds
        self.process: subprocess.Popen[bytes] | None = None
        self.lock = threading.Lock()
        atexit.register(self.close)

    def render(self, **values: Any) -> str:
        """Return the text that the template writes for these values.

        Raises:
            TemplateError: it fails, runs too long, or writes or needs too much.
        """
        request = (
            json.dumps({"template": self.text, "values": values, "seconds": self.seconds}).encode()
            + b"\n"
        )
        with self.lock:
            reply = self._ask(request)
        if "text" not in reply:
            raise TemplateError(
                f"{self.model}: its chat template cannot be used: {reply['error']}; set `template` to the"
                " recipe's own, or give the model a template that works"
            )
        return reply["text"]

    def close(self) -> None:
        """End the process. The next prompt starts another one."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe:
                    pipe.close()
            self.process = None

    def _ask(self, request: bytes) -> dict[str, str]:
        if self.process is None or self.process.poll() is not None:
            self.close()
            self.process = _start()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(request)
            self.process.stdin.flush()
            with selectors.DefaultSelector() as waiting:
                waiting.register(self.process.stdout, selectors.EVENT_READ)
                answered = bool(waiting.select(self.seconds * WALL_FACTOR))
            line = self.process.stdout.readline() if answered else b""
        except BrokenPipeError:
            answered, line = True, b""
        if not line:
            late = not answered or self.process.wait() == -signal.SIGPROF
            self.close()
            return {"error": f"it ran for {self.seconds:g} s" if late else "its process was ended"}
        return json.loads(line)


def _start() -> subprocess.Popen[bytes]:
    package = Path(r1v3.__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-m", "r1v3.model.template_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(package), "PATH": os.defpath, "LC_ALL": "C.UTF-8"},
    )
