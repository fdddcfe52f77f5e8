"""What a killed run continues from: written atomically, checked when read."""

import hashlib
import io
import json
import shutil
from pathlib import Path

import torch


def save_state(folder: Path, step: int, state: dict, *, keep: int = 2) -> None:
    """Write the state after `step`; only the newest `keep` stay."""
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
    for old in sorted(folder.glob("step-*.pt"))[:-keep]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink()


def load_state(folder: Path) -> tuple[int, dict] | None:
    """The newest state that is whole, with its step; a damaged one is named and passed over."""
    for path in sorted(Path(folder).glob("step-*.pt"), reverse=True):
        note = path.with_suffix(".json")
        if note.exists():
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == json.loads(note.read_text())["sha256"]:
                return int(path.stem.split("-")[1]), torch.load(
                    io.BytesIO(data), weights_only=False
                )
        print(f"{path} is damaged; using the one before it", flush=True)
    return None


def clear_states(folder: Path) -> None:
    """Remove what only an unfinished run needs."""
    shutil.rmtree(folder, ignore_errors=True)
