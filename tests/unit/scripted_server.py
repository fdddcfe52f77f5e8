"""A server of chat completions on loopback that answers as a test scripts it."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def completion(body: dict, text: str = "four", finish: str = "stop") -> dict:
    """A reply of `n` choices of three tokens each."""
    logprobs = {"content": [{"token": "t", "logprob": -0.5}] * 3}
    n = body.get("n", 1)
    choice = {
        "message": {"role": "assistant", "content": text},
        "finish_reason": finish,
        "token_ids": [5, 6, 7],
        "logprobs": logprobs,
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 3 * n}
    return {"choices": [{**choice, "index": i} for i in range(n)], "usage": usage}


@contextmanager
def serve(script, models=lambda: 200):
    """Run `script(body, number) -> (status, reply, headers)`; gives the address and what was asked.

    Args:
        models: gives the status of a GET, by which the server is seen to be there.
    """
    asked, lock = [], threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(asked)
                asked.append(
                    {
                        "body": body,
                        "headers": dict(self.headers),
                        "at": time.monotonic(),
                        "path": self.path,
                    }
                )
            status, reply, headers = script(body, number)
            content = json.dumps(reply).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self):
            self.send_response(models())
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
