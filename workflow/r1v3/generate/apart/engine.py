"""The in-process engine in a separate process, so that it answers while this one computes.

Both communicate through a pair of sockets that no other process can open. Weights are sent in buckets of
shared memory (`generate.vllm.buckets`). The other process copies them, so training here does not change its
answers.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from r1v3.generate.apart.opening import Opening
from r1v3.generate.types import Request, Response, Sampling
from r1v3.generate.vllm.buckets import fill_buckets, reclaim
from r1v3.generate.vllm.weights import InBuckets
from r1v3.generate.weights import Weights, named_weights
from r1v3.model.encode import EncodedPrompt

PACKAGES = Path(__file__).resolve().parents[3]


class EngineApart:
    """Answers requests with `apart.process`, which it starts. `close` ends that process.

    Only one thread at a time may ask, and weights may change only between two batches.
    """

    def __init__(self, opening: Opening):
        near, far = socket.socketpair()
        known = [str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "r1v3.generate.apart.process",
                str(far.fileno()),
                str(os.getpid()),
            ],
            pass_fds=(far.fileno(),),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(known)},
        )
        far.close()
        self.channel = Connection(near.detach())
        self.channel.send(opening)

    @property
    def depends_on_batch(self) -> bool:
        """Return true: rows that decode together are padded to each other, which changes the last bits."""
        return True

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[list[Response]]:
        """Answer all requests as one batch."""
        self._tell("answer", requests, sampling)
        while (part := self._reply()) is not None:
            yield part

    def generate_batch(
        self, requests: list[Request], encoded: Sequence[EncodedPrompt], sampling: Sampling
    ) -> Iterator[list[Response]]:
        """Answer like `generate`. The other process encodes prompts itself, from the requests' pictures."""
        return self.generate(requests, sampling)

    def offload(self) -> None:
        """Do nothing, because the engine continues while the policy learns."""

    def sync_weights(self, weights: Weights) -> str:
        """Send a copy of the weights to the other process.

        Returns:
            sha256 of its connector (`r1v3.model.groups.group_hashes`).

        Raises:
            RuntimeError: the other process has ended, or could not take the weights.
        """
        if isinstance(weights, InBuckets):
            buckets = weights.buckets()
        else:
            filled = fill_buckets(named_weights(weights))
            buckets = ((bucket, {bucket.device: bucket.handle}) for bucket in filled)
        self._tell("weights")
        for bucket, handles in buckets:
            self._tell([astuple(piece) for piece in bucket.pieces], handles)
            self._reply()
        self._tell(None)
        connector = self._reply()
        if isinstance(weights, InBuckets):
            weights.done()
        reclaim()
        return connector

    def close(self) -> None:
        """End the other process, whatever it is doing."""
        self.process.kill()
        self.process.wait()

    def _tell(self, *parts: Any) -> None:
        try:
            self.channel.send(parts)
        except OSError:
            self._fail()

    def _reply(self) -> Any:
        try:
            found, error = self.channel.recv()
        except (EOFError, OSError):
            self._fail()
        if error:
            raise RuntimeError(f"the process that samples: {error}")
        return found

    def _fail(self) -> NoReturn:
        code = self.process.wait()
        raise RuntimeError(
            f"the process that samples has ended with code {code}; call the same command again: it goes on"
        ) from None
