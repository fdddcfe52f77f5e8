"""Batch interfaces of OpenAI and Anthropic on loopback."""

import json
import re
import threading
from contextlib import contextmanager
from email.parser import BytesParser

from loopback import Handler, running

WHEN = "2999-01-01T00:00:00Z"


class Provider:
    """Accepts batches, and answers a batch by a script when it is queried for the second time.

    Args:
        script: returns `(status, reply, headers)` for the body of a request and its number.
        lost: statuses in place of the first replies to a sent batch, which is accepted nevertheless.
    """

    def __init__(self, script, lost=()):
        self.script, self.lost = script, list(lost)
        self.files, self.batches, self.looks = {}, {}, {}
        self.asked, self.outcome = [], lambda name, body, status, reply: None

    def requests(self):
        """Return all requests of all batches, in order."""
        return [request for batch in self.batches.values() for request in batch["requests"]]

    def add(self, id, requests, metadata=None):
        self.batches[id] = {"requests": requests, "metadata": metadata or {}}
        return self.show(id)

    def ready(self, id):
        return self.looks.get(id, 0) > 1

    def answers(self, id):
        """Return `(custom_id, status, reply)` of each request, last first, because a batch has no order."""
        for number, (name, body) in reversed(list(enumerate(self.batches[id]["requests"]))):
            status, reply, _ = self.script(body, number)
            yield name, *(self.outcome(name, body, status, reply) or (status, reply))


class OpenAI(Provider):
    """`/v1/files` and `/v1/batches`."""

    def show(self, id):
        shown = {"id": id, "object": "batch", "metadata": self.batches[id]["metadata"]}
        if not self.ready(id):
            return shown | {"status": "in_progress"}
        good, bad = [], []
        for name, status, reply in self.answers(id):
            if status == 200:
                response = {"status_code": 200, "body": reply}
                good.append({"custom_id": name, "response": response, "error": None})
            elif status is None:
                bad.append({"custom_id": name, "response": None, "error": reply})
            else:
                response = {"status_code": status, "body": reply}
                bad.append({"custom_id": name, "response": response, "error": None})
        files = {}
        for kind, lines in (("output", good), ("error", bad)):
            if lines:
                self.files[f"{kind}-{id}"] = lines
                files[f"{kind}_file_id"] = f"{kind}-{id}"
        return shown | {"status": "completed"} | files

    def post(self, path, content, kind):
        if path == "/v1/files":
            head = f"Content-Type: {kind}\r\n\r\n".encode()
            parts = BytesParser().parsebytes(head + content).get_payload()
            fields = {part.get_param("name", header="content-disposition"): part for part in parts}
            assert fields["purpose"].get_payload() == "batch"
            lines = fields["file"].get_payload(decode=True).splitlines()
            id = f"file-{len(self.files)}"
            self.files[id] = [json.loads(line) for line in lines]
            return {"id": id}
        wanted = json.loads(content)
        assert wanted["completion_window"] == "24h"
        lines = self.files[wanted["input_file_id"]]
        assert {(line["method"], line["url"]) for line in lines} == {("POST", wanted["endpoint"])}
        requests = [(line["custom_id"], line["body"]) for line in lines]
        return self.add(f"batch_{len(self.batches)}", requests, wanted["metadata"])

    def get(self, path):
        if found := re.fullmatch(r"/v1/files/(.*)/content", path):
            return [*self.files[found[1]]]
        if found := re.fullmatch(r"/v1/batches/(\w+)", path):
            self.looks[found[1]] = self.looks.get(found[1], 0) + 1
            return self.show(found[1])
        return {"data": [self.show(id) for id in reversed(self.batches)], "has_more": False}


class Anthropic(Provider):
    """`/v1/messages/batches`."""

    def show(self, id):
        ended = self.ready(id)
        counts = {"processing": 0, "succeeded": len(self.batches[id]["requests"]), "errored": 0}
        return {
            "id": id,
            "created_at": WHEN,
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
        }

    def post(self, path, content, kind):
        assert path == "/v1/messages/batches"
        requests = [(one["custom_id"], one["params"]) for one in json.loads(content)["requests"]]
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name, _ in requests)
        return self.add(f"msgbatch_{len(self.batches)}", requests)

    def get(self, path):
        if found := re.fullmatch(r"/v1/messages/batches/(\w+)/results", path):
            return [self._line(*each) for each in self.answers(found[1])]
        if found := re.fullmatch(r"/v1/messages/batches/(\w+)", path):
            self.looks[found[1]] = self.looks.get(found[1], 0) + 1
            return self.show(found[1])
        return {"data": [self.show(id) for id in reversed(self.batches)], "has_more": False}

    def _line(self, name, status, reply):
        if status == 200:
            return {"custom_id": name, "result": {"type": "succeeded", "message": reply}}
        if status is None:
            return {"custom_id": name, "result": {"type": "expired"}}
        error = {"type": "error", "error": reply["error"]}
        return {"custom_id": name, "result": {"type": "errored", "error": error}}


@contextmanager
def serve_batches(provider):
    """Run a provider, and yield its address."""
    lock = threading.Lock()

    class Batches(Handler):
        def do_POST(self):
            content = self.body()
            with lock:
                provider.asked.append(("POST", self.path))
                reply = provider.post(self.path, content, self.headers["Content-Type"])
                lost = provider.lost and self.path.endswith("/batches")
                self.answer(provider.lost.pop(0) if lost else 200, reply)

        def do_GET(self):
            path = self.path.partition("?")[0]
            with lock:
                provider.asked.append(("GET", path))
                self.answer(200, provider.get(path))

        def answer(self, status, reply):
            lines = reply if isinstance(reply, list) else [reply]
            self.send(status, "".join(json.dumps(line) + "\n" for line in lines).encode())

    with running(Batches) as address:
        yield address
