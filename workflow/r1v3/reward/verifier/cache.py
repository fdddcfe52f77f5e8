"""Verdicts of the verifier on disk: append-only JSONL, one file a process, no locks.

All files of the folder are read when the cache opens, so what one process asked no later one asks
again. A line that was cut by a crash is skipped. Only settled verdicts are stored, never failures.
"""

import hashlib
import json
import os
import threading
import uuid
from pathlib import Path


def cache_key(model: str, prompt_version: int, question: str, gold: str, answer: str) -> str:
    """Return the key under which a verdict is stored."""
    parts = json.dumps([model, prompt_version, question, gold, answer], ensure_ascii=False)
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


class JudgeCache:
    """A mapping from key to verdict that survives the process; safe to use from threads."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._verdicts: dict[str, bool] = {}
        self._lock = threading.Lock()
        self._owner = None
        for path in sorted(self.folder.glob("*.jsonl")):
            self._load(path)

    def _load(self, path: Path) -> None:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                    self._verdicts[entry["key"]] = bool(entry["correct"])
                except (ValueError, KeyError, TypeError):
                    continue  # the last line of a process that was killed

    def get(self, key: str) -> bool | None:
        """Return the stored verdict, None where there is none."""
        return self._verdicts.get(key)

    def put(self, key: str, correct: bool, model: str) -> None:
        """Store a verdict."""
        line = json.dumps({"key": key, "correct": correct, "model": model}) + "\n"
        with self._lock:
            self._verdicts[key] = correct
            if self._owner != os.getpid():  # a forked process writes its own file
                self._owner = os.getpid()
                self._path = self.folder / f"{uuid.uuid4().hex}.jsonl"
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as out:
                out.write(line)

    def __len__(self) -> int:
        return len(self._verdicts)
