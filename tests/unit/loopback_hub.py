"""Serves models, data sets and plain files on loopback as a Hugging Face hub does.

Data sets and models are folders, or bytes by file name. Downloads can be resumed, each file's sha256 is
stated, and sent bodies are recorded.
"""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Repository = Path | Mapping[str, bytes]


class Sent(NamedTuple):
    """A body that was sent: its repository and file, the range, and the bytes."""

    id: str
    file: str
    range: str | None
    size: int


class Hub:
    """What the server sends.

    Args:
        models, datasets: repositories by id.
        plain: a folder whose files are served below `/files/`, for files that are published outside of a hub.
        gated: ids whose files need a token that nobody has.

    `most` bytes of an answer are sent before the connection breaks. `stated` are checksums in place of the
    true ones.
    """

    def __init__(
        self,
        *,
        models: Mapping[str, Repository] | None = None,
        datasets: Mapping[str, Repository] | None = None,
        plain: Path | None = None,
        gated: tuple[str, ...] = (),
    ):
        self.models, self.datasets = dict(models or {}), dict(datasets or {})
        self.plain, self.gated = plain, gated
        self.stated: dict[str, str] = {}
        self.most: int | None = None
        self.sent: list[Sent] = []
        self.url = ""

    def sha256(self, name: str, data: bytes) -> str:
        """Return the checksum that the hub states for a file."""
        return self.stated.get(name) or hashlib.sha256(data).hexdigest()


def files_of(repository: Repository) -> dict[str, bytes | Path]:
    """Return the files of a repository by name."""
    if not isinstance(repository, Path):
        return dict(repository)
    found = sorted(path for path in repository.rglob("*") if path.is_file())
    return {path.relative_to(repository).as_posix(): path for path in found}


def _bytes(file: bytes | Path) -> bytes:
    return file if isinstance(file, bytes) else file.read_bytes()


@contextmanager
def serve(hub: Hub, port: int = 0) -> Iterator[Hub]:
    """Serve until the block ends, at any free port or at a given one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self._answer(body=False)

        def do_GET(self):
            self._answer(body=True)

        def _answer(self, *, body: bool):
            path = unquote(self.path.partition("?")[0]).strip("/")
            if path.startswith("files/") and hub.plain is not None:
                return self._plain(path.removeprefix("files/"), body=body)
            for kind, shelf in (("datasets", hub.datasets), ("models", hub.models)):
                for id, repository in shelf.items():
                    page = f"api/{kind}/{id}"
                    if path == page or path.startswith((f"{page}/revision/", f"{page}/tree/")):
                        return self._page(id, repository, tree=path.startswith(f"{page}/tree/"))
                    files = f"{id}/resolve/" if kind == "models" else f"datasets/{id}/resolve/"
                    if path.startswith(files):
                        revision, _, name = path.removeprefix(files).partition("/")
                        return self._file(id, repository, revision, name, body=body)
            return self._send(b"", {"X-Error-Code": "RepoNotFound"}, 404)

        def _page(self, id: str, repository: Repository, *, tree: bool):
            contents = {name: _bytes(file) for name, file in files_of(repository).items()}
            lfs = {name: self._large(name, data) for name, data in contents.items()}
            if tree:
                listed = [
                    {"type": "file", "path": name, "size": len(data), "oid": "0", "lfs": lfs[name]}
                    for name, data in contents.items()
                ]
                return self._json(listed)
            siblings = [
                {"rfilename": name, "size": len(data), "blobId": "0", "lfs": lfs[name]}
                for name, data in contents.items()
            ]
            page = {"id": id, "sha": COMMIT, "siblings": siblings, "tags": ["license:mit"]}
            page |= {"gated": "auto" if id in hub.gated else False, "private": False}
            return self._json(page | {"downloads": 0, "likes": 0})

        def _large(self, name: str, data: bytes) -> dict:
            sha256 = hub.sha256(name, data)  # a page calls it sha256, a tree oid
            return {"sha256": sha256, "oid": sha256, "size": len(data), "pointerSize": 1}

        def _file(self, id: str, repository: Repository, revision: str, name: str, *, body: bool):
            if id in hub.gated:
                return self._send(b"", {"X-Error-Code": "GatedRepo"}, 403)
            if revision not in (COMMIT, "main"):
                return self._send(b"", {"X-Error-Code": "RevisionNotFound"}, 404)
            files = files_of(repository)
            if name not in files:
                return self._send(b"", {"X-Error-Code": "EntryNotFound"}, 404)
            return self._data(id, name, _bytes(files[name]), body=body)

        def _plain(self, name: str, *, body: bool):
            assert hub.plain is not None
            path = hub.plain / name
            if ".." in Path(name).parts or not path.is_file():
                return self._send(b"", {}, 404)
            return self._data("files", name, path.read_bytes(), body=body)

        def _data(self, id: str, name: str, data: bytes, *, body: bool):
            asked = self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hub.sha256(name, data)}"'}
            if asked:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            part = data[start:]
            cut = part if hub.most is None or not body else part[: hub.most]
            if body:
                hub.sent.append(Sent(id, name, asked, len(cut)))
            self._send(cut if body else b"", headers, 206 if asked else 200, length=len(part))
            if body and len(cut) < len(part):
                self.close_connection = True
                self.connection.close()

        def _json(self, content: object):
            self._send(json.dumps(content).encode(), {"Content-Type": "application/json"})

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

    http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    hub.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield hub
    finally:
        http.shutdown()
        http.server_close()
