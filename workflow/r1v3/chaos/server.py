"""A verifier on loopback whose verdict depends on the question alone. A fault may stop it or make it hang."""

import json
import socket
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from r1v3.reward.configured import URL


class VerifierServer:
    """A server. `die` closes its port, `hang` accepts requests without replying, `live` starts it again."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.server: ThreadingHTTPServer | None = None
        self.silent = threading.Event()
        self.waiting = threading.Semaphore(0)  # counts the requests that came while it hung

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables by which a stage finds the server."""
        return {URL: f"http://127.0.0.1:{self.port}/v1"}

    def __enter__(self) -> Self:
        self.live()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.die()

    def live(self) -> None:
        """Answer, at the same address as before. Requests that hang lose their connection."""
        self.silent.clear()
        if self.server is None:
            ThreadingHTTPServer.allow_reuse_address = True
            self.server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
            self.server.daemon_threads = True
            threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def hang(self) -> None:
        """Accept connections and requests and send nothing, like a network that loses packets."""
        self.silent.set()

    def die(self) -> None:
        """Stop answering: connections are refused."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        silent, waiting = self.silent, self.waiting

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                if silent.is_set():
                    waiting.release()
                    while silent.is_set():
                        time.sleep(0.05)
                    self.close_connection = True
                    return
                text = json.dumps(json.loads(asked)["messages"], sort_keys=True)
                verdict = f"VERDICT: {'CORRECT' if zlib.crc32(text.encode()) % 2 else 'INCORRECT'}"
                choice = {"index": 0, "message": {"role": "assistant", "content": verdict}}
                reply = json.dumps({"choices": [choice | {"finish_reason": "stop"}]}).encode()
                time.sleep(0.01)
                self.send_response(200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        return Handler
