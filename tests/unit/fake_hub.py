"""A Hugging Face hub on loopback: one data set at one commit, resumable, with the sha256 that it states."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What the server gives: `files` by name; `most` bytes of an answer before the line breaks."""

    def __init__(self, id: str, files: dict[str, bytes]):
        self.id, self.files = id, files
        self.stated = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        self.most: int | None = None
        self.sent: list[tuple[str, str | None, int]] = []
        self.url = ""


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self._file(body=False)

        def do_GET(self):
            if self.path.startswith(f"/api/datasets/{hub.id}/revision/"):
                siblings = [
                    {
                        "rfilename": name,
                        "size": len(data),
                        "blobId": "0",
                        "lfs": {"sha256": hub.stated[name], "size": len(data), "pointerSize": 1},
                    }
                    for name, data in hub.files.items()
                ]
                content = {"id": hub.id, "sha": COMMIT, "siblings": siblings, "tags": []}
                content |= {"private": False, "downloads": 0, "likes": 0}
                self._send(json.dumps(content).encode(), {"Content-Type": "application/json"})
            else:
                self._file(body=True)

        def _file(self, *, body: bool):
            prefix = f"/datasets/{hub.id}/resolve/{COMMIT}/"
            name = self.path.removeprefix(prefix)
            if not self.path.startswith(prefix) or name not in hub.files:
                self._send(b"", {"X-Error-Code": "EntryNotFound"}, 404)
                return
            data, asked = hub.files[name], self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hub.stated[name]}"'}
            if asked:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            part = data[start:]
            cut = part if hub.most is None or not body else part[: hub.most]
            if body:
                hub.sent.append((name, asked, len(cut)))
            self._send(cut if body else b"", headers, 206 if asked else 200, length=len(part))
            if body and len(cut) < len(part):
                self.close_connection = True
                self.connection.close()

        def _send(self, data: bytes, headers: dict, status: int = 200, length: int | None = None):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data) if length is None else length))
            self.end_headers()
            self.wfile.write(data)
            self.wfile.flush()

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    hub.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield hub
    finally:
        http.shutdown()
        http.server_close()
