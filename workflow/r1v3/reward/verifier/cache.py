"""Stores verdicts of models on disk: append-only JSONL, one file per process, no locks.

A cache reads all files of its folder when it opens, so a later process does not repeat a question. A line
that was cut by a crash is skipped. Only verdicts are stored, never failures.
"""

import hashlib
import json
import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

Verdict = TypeVar("Verdict")


def cache_key(model: str, prompt_version: int, question: str, gold: str, answer: str) -> str:
    """Return the key under which a verdict is stored."""
    parts = json.dumps([model, prompt_version, question, gold, answer], ensure_ascii=False)
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


class AnswerCache(Generic[Verdict]):
    """A mapping from keys to verdicts that outlives the process. Safe to use from threads.

    Args:
        folder: folder of the files.
        name: name of the verdict in a line's JSON.
        read: function that makes a verdict from the JSON under `name`; a line is skipped if it raises
            ValueError.
    """

    def __init__(self, folder: str | Path, name: str, read: Callable[[Any], Verdict]):
        self.folder, self.name = Path(folder), name
        self._verdicts: dict[str, Verdict] = {}
        self._lock = threading.Lock()
        self._owner = None
        for path in sorted(self.folder.glob("*.jsonl")):
            self._load(path, read)

    def _load(self, path: Path, read: Callable[[Any], Verdict]) -> None:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                    self._verdicts[entry["key"]] = read(entry[self.name])
                except (ValueError, KeyError, TypeError):
                    continue  # the last line of a process that was killed

    def get(self, key: str) -> Verdict | None:
        """Return the stored verdict, or None if there is none."""
        return self._verdicts.get(key)

    def put(self, key: str, verdict: Verdict, model: str) -> None:
        """Store a verdict."""
        line = json.dumps({"key": key, self.name: verdict, "model": model}) + "\n"
        with self._lock:
            self._verdicts[key] = verdict
            if self._owner != os.getpid():  # a forked process writes to its own file
                self._owner = os.getpid()
                self._path = self.folder / f"{uuid.uuid4().hex}.jsonl"
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as out:
                out.write(line)

    def __len__(self) -> int:
        return len(self._verdicts)


class JudgeCache(AnswerCache[bool]):
    """The verdicts of the verifier."""

    def __init__(self, folder: str | Path):
        super().__init__(folder, "correct", bool)
