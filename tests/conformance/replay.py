"""Serves chat completions on loopback, with published answers to exactly the published questions.

It answers a request only if its text and its pictures, in their order, are those that the answer belongs to.
So a prompt that lost a word, a picture that was swapped, and a picture in another place are refused.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Piece = tuple[str, str]  # ("text", the text) or ("image", the sha256 of the file)
Asked = tuple[Piece, ...]


@dataclass(frozen=True)
class Answer:
    """A published answer, and why it ended."""

    text: str
    finish_reason: str = "stop"


@dataclass
class Replay:
    """Answers by question; requests that match no published question are kept in `unknown`."""

    answers: dict[Asked, Answer]
    given: set[Asked] = field(default_factory=set)
    unknown: list[Asked] = field(default_factory=list)

    def reply(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of a reply."""
        asked = pieces_of(body["messages"])
        answer = self.answers.get(asked)
        if answer is None:
            self.unknown.append(asked)
            return 400, {"error": {"message": "no such question was published"}}
        self.given.add(asked)
        message = {"role": "assistant", "content": answer.text}
        choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
        tokens = len(answer.text.split()) + 1
        usage = {"prompt_tokens": 1, "completion_tokens": tokens}
        return 200, {"choices": [choice], "usage": usage}


def pieces_of(messages: list[dict[str, Any]]) -> Asked:
    """Return the user turn as pieces; line breaks around a text are traces of a picture's mark."""
    [turn] = [message for message in messages if message["role"] == "user"]
    content = turn["content"]
    if isinstance(content, str):
        return (("text", content.strip("\n")),)
    found = []
    for part in content:
        if part["type"] == "image_url":
            data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
            found.append(("image", hashlib.sha256(data).hexdigest()))
        elif part["text"].strip():
            found.append(("text", part["text"].strip("\n")))
    return tuple(found)


@contextmanager
def serve_replay(replay: Replay) -> Iterator[str]:
    """Serve on a free port of loopback, and yield the address."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                status, reply = replay.reply(body)
            self._send(status, json.dumps(reply).encode())

        def do_GET(self) -> None:
            self._send(200, b"{}")

        def _send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
