"""`r1v3 serve-reward`: loads a reward model and serves it until it is told to end."""

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
    """Serve a reward model; returns on SIGTERM or Ctrl-C.

    Args:
        folder: the checkpoint.
        name: what clients call the model.
        key_file: receives a new key.
        device: `auto` is CUDA where it is there.
        dtype: `auto` is bfloat16 on CUDA, float32 elsewhere.
        max_tokens: longest conversation; None for as many as the model allows.
        cache: folder of scores that are not computed again; None for none.

    Raises:
        ValueError: the folder holds no reward model that can be served here.
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
