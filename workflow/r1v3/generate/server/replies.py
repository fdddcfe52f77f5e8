"""Stores paid replies on disk as soon as they come, so that a killed process pays for none twice.

An answer of several samples may take several requests, and it is stored as an answer when all are there.
Until then its replies are here. Question, request and the number of its first sample identify a reply.
"""

import hashlib
import json
import threading
from pathlib import Path

from r1v3.base.json_file import parse_line
from r1v3.generate.server.endpoint import Body


def reply_key(question: str, body: Body, sample: int) -> str:
    """Return the name of a reply: 32 hexadecimal digits, which a batch's `custom_id` accepts."""
    text = json.dumps([question, body, sample], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Replies:
    """Replies in one folder, with one file for each process. Files of other processes are read too.

    Args:
        folder: contains `replies.<name>.jsonl`.
        name: name of this process's part, such as `0-of-4`.
    """

    def __init__(self, folder: Path, name: str):
        self.folder, self.path = Path(folder), Path(folder) / f"replies.{name}.jsonl"
        self._lock = threading.Lock()
        self._places: dict[str, tuple[Path, int, int]] = {}
        for path in sorted(self.folder.glob("replies.*.jsonl")):
            self._index(path)
        if self.path.exists() and not self.path.read_bytes().endswith(b"\n"):
            with self.path.open("ab") as file:
                file.write(b"\n")  # after half a line of a process that was killed

    def get(self, key: str) -> Body | None:
        """Return a reply, or None."""
        place = self._places.get(key)
        if place is None:
            return None
        path, start, length = place
        with path.open("rb") as file:
            file.seek(start)
            return json.loads(file.read(length))["body"]

    def put(self, key: str, body: Body) -> None:
        """Store a reply."""
        line = json.dumps({"key": key, "body": body}).encode() + b"\n"
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                self._places[key] = (self.path, file.tell(), len(line))
                file.write(line)

    def clear(self) -> None:
        """Delete this process's file, because its replies are stored as answers by now."""
        with self._lock:
            self._places = {k: place for k, place in self._places.items() if place[0] != self.path}
            self.path.unlink(missing_ok=True)

    def _index(self, path: Path) -> None:
        start = 0
        with path.open("rb") as file:
            for line in file:
                row = parse_line(line)
                if row is not None and isinstance(row.get("body"), dict):
                    self._places[str(row.get("key"))] = (path, start, len(line))
                start += len(line)
