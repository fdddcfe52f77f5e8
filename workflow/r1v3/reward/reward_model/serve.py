"""`r1v3 serve-reward`: loads a reward model and serves it until a signal stops it."""

import signal
import threading
from pathlib import Path

import torch

from r1v3.generate.server.serve import LOOPBACK, write_key
from r1v3.reward.reward_model.model import ScoringModel
from r1v3.reward.reward_model.service import RewardServer, RewardService, ServiceLimits


def serve_reward(
    folder: Path,
    limits: ServiceLimits,
    *,
    name: str,
    key_file: Path,
    port: int,
    device: str,
    dtype: str,
    max_tokens: int | None,
    cache: Path | None,
) -> None:
    """Serve a reward model; return on SIGTERM or Ctrl-C.

    Args:
        folder: the checkpoint.
        name: name of the model for clients.
        key_file: file to which a new key is written.
        device: `auto` is CUDA if available, else the CPU.
        dtype: `auto` is bfloat16 on CUDA, else float32.
        max_tokens: longest conversation, in tokens; None for the model's own limit.
        cache: folder of scores that are not computed again; None for no cache.

    Raises:
        ValueError: the folder contains no reward model that can be served here.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype == "auto":
        dtype = "bfloat16" if device.startswith("cuda") else "float32"
    model = ScoringModel(folder, device=device, dtype=dtype, max_tokens=max_tokens)
    service = RewardService(model, name, limits, cache)
    with RewardServer(service, host=LOOPBACK, port=port, key=write_key(key_file)) as server:
        stop, ends = threading.Event(), (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, lambda *_: stop.set()) for number in ends]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"{server.url}, model {name} on {device}, the key in {key_file}", flush=True)
        stop.wait()
        server.shutdown()
        for number, handler in zip(ends, before):
            signal.signal(number, handler)
    service.batches.close()
