"""Serves chat completions on loopback by a test's script."""

import json
import threading
import time
from contextlib import contextmanager

from loopback import Handler, running


def completion(body: dict, text: str = "four", finish: str = "stop") -> dict:
    """Return a reply of `n` choices of three tokens each."""
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
    """Run `script(body, number) -> (status, reply, headers)`; yield the address and the requests.

    Args:
        models: returns the status of a GET, which shows that the server is running.
    """
    asked, lock = [], threading.Lock()

    class Scripted(Handler):
        def do_POST(self):
            body = json.loads(self.body())
            seen = {"body": body, "headers": dict(self.headers), "path": self.path}
            with lock:
                number = len(asked)
                asked.append(seen | {"at": time.monotonic()})
            self.send_json(*script(body, number))

        def do_GET(self):
            self.send(models(), b"")

    with running(Scripted) as address:
        yield address, asked
