"""Replies that were paid, kept on disk the moment they come, so that a killed process pays none twice.

An answer of several samples may take several requests; it is stored as an answer when all are there. Until
then its replies lie here. The question, the request and the number of its first sample name a reply.
"""

import hashlib
import json
import threading
from pathlib import Path

from r1v3.base.json_file import parse_line
from r1v3.generate.server.endpoint import Body


def reply_key(question: str, body: Body, sample: int) -> str:
    """What names the reply to a question's request: 32 hexadecimal digits, as a batch's `custom_id` takes."""
    text = json.dumps([question, body, sample], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Replies:
    """Replies in one folder, a file a process; those of other processes are read too.

    Args:
        folder: holds `replies.<name>.jsonl`.
        name: of this process's part, as `0-of-4`.
    """

    def __init__(self, folder: Path, name: str):
        self.folder, self.path = Path(folder), Path(folder) / f"replies.{name}.jsonl"
        self._lock = threading.Lock()
        self._places: dict[str, tuple[Path, int, int]] = {}
        for path in sorted(self.folder.glob("replies.*.jsonl")):
            self._index(path)
        if self.path.exists() and not self.path.read_bytes().endswith(b"\n"):
            with self.path.open("ab") as file:
                file.write(b"\n")  # behind half a line of a process that was killed

    def get(self, key: str) -> Body | None:
        """A reply, or None where there is none."""
        place = self._places.get(key)
        if place is None:
            return None
        path, start, length = place
        with path.open("rb") as file:
            file.seek(start)
            return json.loads(file.read(length))["body"]

    def put(self, key: str, body: Body) -> None:
        """Keep a reply."""
        line = json.dumps({"key": key, "body": body}).encode() + b"\n"
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                self._places[key] = (self.path, file.tell(), len(line))
                file.write(line)

    def clear(self) -> None:
        """Remove this process's file: its replies are stored as answers by now."""
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
