"""A Hugging Face hub on loopback that serves models from folders, and notes which files were asked for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class ModelHub:
    """`models` are folders by id; `sent` lists (id, file) in the order in which bodies were given."""

    def __init__(self, models: dict[str, Path], *, gated: tuple[str, ...] = ()):
        self.models, self.gated = models, gated
        self.sent: list[tuple[str, str]] = []
        self.url = ""


@contextmanager
def serve_models(hub: ModelHub) -> Iterator[ModelHub]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self._answer(body=False)

        def do_GET(self):
            self._answer(body=True)

        def _answer(self, *, body: bool):
            path = unquote(self.path.partition("?")[0]).strip("/")
            for name, folder in hub.models.items():
                if path.startswith(f"api/models/{name}/tree/"):
                    return self._tree(folder)
                if path.startswith(f"api/models/{name}"):
                    return self._page(name, folder)
                if path.startswith(f"{name}/resolve/"):
                    revision, _, file = path.removeprefix(f"{name}/resolve/").partition("/")
                    return self._file(name, folder / file, revision, body=body)
            return self._send(b"", {"X-Error-Code": "RepoNotFound"}, 404)

        def _page(self, name: str, folder: Path):
            files = sorted(path for path in folder.iterdir() if path.is_file())
            content = {
                "id": name,
                "sha": COMMIT,
                "siblings": [{"rfilename": x.name, "size": x.stat().st_size} for x in files],
                "tags": ["license:mit"],
                "gated": "auto" if name in hub.gated else False,
                "private": False,
                "downloads": 0,
                "likes": 0,
            }
            self._send(json.dumps(content).encode(), {"Content-Type": "application/json"})

        def _tree(self, folder: Path):
            files = sorted(path for path in folder.iterdir() if path.is_file())
            tree = [
                {"type": "file", "path": x.name, "size": x.stat().st_size, "oid": "0"}
                for x in files
            ]
            self._send(json.dumps(tree).encode(), {"Content-Type": "application/json"})

        def _file(self, name: str, path: Path, revision: str, *, body: bool):
            if name in hub.gated:
                return self._send(b"", {"X-Error-Code": "GatedRepo"}, 403)
            if revision not in (COMMIT, "main"):
                return self._send(b"", {"X-Error-Code": "RevisionNotFound"}, 404)
            if not path.is_file():
                return self._send(b"", {"X-Error-Code": "EntryNotFound"}, 404)
            if body:
                hub.sent.append((name, path.name))
            data = path.read_bytes()
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{path.name}-{len(data)}"'}
            return self._send(data if body else b"", headers, length=len(data))

        def _send(self, data: bytes, headers: dict, status: int = 200, length: int | None = None):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data) if length is None else length))
            self.end_headers()
            self.wfile.write(data)

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
