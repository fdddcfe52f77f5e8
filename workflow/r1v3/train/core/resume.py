"""What a killed run continues from: written atomically, checked when read.

A state that is refused is renamed, so that the rule which keeps the newest ones no longer counts it: else
what is saved after it, at lower steps, would be pruned for its sake.
"""

import hashlib
import io
import json
from pathlib import Path

import torch

from r1v3.train.core.ranks import Ranks


def save_state(folder: Path, step: int, state: dict, *, keep: int = 2) -> None:
    """Write the state after `step`; of it and those before, only the newest `keep` stay."""
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
        partial = target.with_suffix(".partial")
        partial.write_bytes(content)
        partial.replace(target)
    for old in [p for p in sorted(folder.glob("step-*.pt")) if p <= path][:-keep]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink()


def load_state(folder: Path, ranks: Ranks) -> tuple[int, dict] | None:
    """The newest state that is whole, with its step; a damaged one is named and passed over.

    The first rank chooses, and all read the same one.

    Raises:
        ValueError: another rank finds the chosen one damaged.
    """
    found = _newest(Path(folder)) if ranks.first else None
    (chosen,) = ranks.gather([found[0].name if found else None] if ranks.first else [])
    if chosen is None:
        return None
    path = Path(folder) / chosen
    data = found[1] if found else _whole(path)
    if data is None:
        raise ValueError(f"{path} is whole for the first rank and damaged for rank {ranks.rank}")
    return int(path.stem.split("-")[1]), torch.load(io.BytesIO(data), weights_only=False)


def _newest(folder: Path) -> tuple[Path, bytes] | None:
    for path in sorted(folder.glob("step-*.pt"), reverse=True):
        if (data := _whole(path)) is not None:
            return path, data
        print(f"{path} is damaged; using the one before it", flush=True)
        for part in (path, path.with_suffix(".json")):
            if part.exists():
                part.rename(f"{part}.damaged")
    return None


def _whole(path: Path) -> bytes | None:
    """A state's bytes, if they are those that were sealed."""
    try:
        sealed = json.loads(path.with_suffix(".json").read_text())["sha256"]
        data = path.read_bytes()
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return data if hashlib.sha256(data).hexdigest() == sealed else None
