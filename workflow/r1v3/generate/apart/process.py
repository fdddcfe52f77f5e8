"""The process that samples apart from the trainer. `apart.engine` starts it, and sends the first message.

python -m r1v3.generate.apart.process <descriptor of the socket> <process id of the trainer>
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from r1v3.generate.apart.opening import Opening

if (
    TYPE_CHECKING
):  # slow imports come after the signal handlers, because a signal may come meanwhile
    import torch

LOOK = 0.5  # seconds between two checks whether the trainer lives


def main() -> None:
    """Answer until the trainer ends this process, or has ended itself."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(
            number, signal.SIG_IGN
        )  # only the trainer handles them, by finishing its step
    threading.Thread(target=_end_with, args=(int(sys.argv[2]),), daemon=True).start()
    import torch

    from r1v3.base.determinism import make_exact
    from r1v3.generate.in_process.engine import TransformersEngine
    from r1v3.model.encode import Encoder
    from r1v3.model.load import load_model, load_processor

    channel = Connection(int(sys.argv[1]))
    opening: Opening = channel.recv()
    if opening.exact:
        make_exact()
    torch.set_num_threads(opening.threads)
    model = load_model(opening.start, dtype=opening.dtype, device=opening.device)
    engine = TransformersEngine(model, Encoder(load_processor(opening.start), opening.images))
    while True:
        kind, *parts = channel.recv()
        try:
            if kind == "weights":
                channel.send((engine.sync_weights(_weights(channel, model.device)), None))
                continue
            requests, sampling = parts
            encoded = [engine.encoder.prompt(each.prompt, each.images) for each in requests]
            for part in engine.generate_batch(requests, encoded, sampling):
                channel.send((part, None))
            channel.send((None, None))
        except (EOFError, OSError):  # the trainer has ended
            return
        except Exception as error:
            traceback.print_exc()
            channel.send((None, f"{type(error).__name__}: {error}"))


def _weights(channel: Connection, device: torch.device) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors of each bucket. The trainer fills a bucket again after it was read."""
    import torch

    from r1v3.generate.vllm.buckets import MappedBuffers

    opened = MappedBuffers(device)
    while (message := channel.recv()) != (None,):
        yield from opened.tensors(*message)
        if device.type == "cuda":
            torch.cuda.current_stream(device).synchronize()
        channel.send((None, None))
    opened.close()


def _end_with(trainer: int) -> None:
    """End this process when its parent is no longer the trainer."""
    while os.getppid() == trainer:
        time.sleep(LOOK)
    os._exit(1)


if __name__ == "__main__":
    main()
