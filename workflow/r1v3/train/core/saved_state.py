"""The state from which a killed run continues. It is written atomically and checked when it is read.

A damaged state is renamed, so that it does not count among the newest states, which are kept. Otherwise later
states with lower steps would be deleted instead of it.
"""

import hashlib
import io
import json
import pickle
from pathlib import Path
from typing import Any

import torch

from r1v3.base.atomic_write import write_bytes
from r1v3.train.core.ranks import Ranks


def save_state(folder: Path, step: int, state: dict[str, Any], *, keep: int = 2) -> None:
    """Write the state after `step`, and delete all but the newest `keep` states up to that step."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getvalue()
    path = folder / f"step-{step:06d}.pt"
    for target, content in (
        (path, data),
        (
            path.with_suffix(".json"),
            json.dumps({"sha256": hashlib.sha256(data).hexdigest()}).encode(),
        ),
    ):
        write_bytes(target, content)
    for old in [p for p in sorted(folder.glob("step-*.pt")) if p <= path][:-keep]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink()


def load_state(folder: Path, ranks: Ranks) -> tuple[int, dict[str, Any]] | None:
    """Return the newest intact state and its step. A damaged state is reported and skipped.

    The first rank chooses the state, and all ranks read the same one.

    Raises:
        ValueError: another rank finds that state damaged, or it holds more than data.
    """
    found = _newest_intact(Path(folder)) if ranks.first else None
    names: list[str | None] = [found[0].name if found else None] if ranks.first else []
    (chosen,) = ranks.gather(names)
    if chosen is None:
        return None
    path = Path(folder) / chosen
    data = found[1] if found else _intact_bytes(path)
    if data is None:
        raise ValueError(f"{path} is intact for the first rank and damaged for rank {ranks.rank}")
    step = int(path.stem.split("-")[1])
    try:
        # A state must be data alone, because reading must never run code that somebody put into it.
        state = torch.load(io.BytesIO(data), weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(
            f"{path}: holds more than data, so it is not read; delete {path.parent} to begin this run again"
        ) from None
    if ranks.first:
        print(f"{path}: going on after step {step}", flush=True)
    return step, state


def _newest_intact(folder: Path) -> tuple[Path, bytes] | None:
    for path in sorted(folder.glob("step-*.pt"), reverse=True):
        if (data := _intact_bytes(path)) is not None:
            return path, data
        print(f"{path} is damaged; using the one before it", flush=True)
        for part in (path, path.with_suffix(".json")):
            if part.exists():
                part.rename(f"{part}.damaged")
    return None


def _intact_bytes(path: Path) -> bytes | None:
    """Return a state's bytes if their sha256 is the recorded one, else None."""
    try:
        recorded = json.loads(path.with_suffix(".json").read_text())["sha256"]
        data = path.read_bytes()
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return data if hashlib.sha256(data).hexdigest() == recorded else None
