"""The batch interfaces of OpenAI and Anthropic: half the price, for answers within a day.

OpenAI takes a file of requests and a batch that names it. Anthropic takes the requests themselves. Both
return results by the `custom_id` of each request, in any order.
"""

import datetime
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from r1v3.generate.server.endpoint import Body, Endpoint, ServerError

MARK = "r1v3"  # key of OpenAI's metadata that holds our name for a batch
SKEW = 3600.0  # seconds by which two clocks may differ
BY_REQUEST = ("invalid_request", "invalid_request_error", "invalid_value", "unsupported_value")


class BatchRefused(ServerError):
    """The provider processed none of a batch's requests."""


@dataclass(frozen=True)
class RequestFailure:
    """A request of a batch without an answer; `may_pass` says whether another batch may bring one."""

    why: str
    may_pass: bool


Result = tuple[str, Body | RequestFailure]  # by custom_id


@dataclass(frozen=True)
class Sent:
    """What is known of a batch before it has an id: its name, when it was sent, and its requests."""

    name: str
    at: float
    requests: frozenset[str]


class BatchForm(Protocol):
    """A batch interface."""

    def create(self, endpoint: Endpoint, sent: Sent, bodies: dict[str, Body]) -> str:
        """Send a batch once, and return its id. Errors are those of `Endpoint.call`."""
        ...

    def find(self, endpoint: Endpoint, sent: Sent, taken: frozenset[str]) -> Iterator[str | None]:
        """Yield the id of a batch that may have been sent; None while the provider cannot tell yet.

        It ends without an id if no batch is ours.

        Args:
            taken: ids of our other batches.
        """
        ...

    def results(self, endpoint: Endpoint, batch: str) -> list[Result] | None:
        """Return all results, or None while the batch is being processed.

        Raises:
            BatchRefused: the provider refuses the batch as a whole.
        """
        ...


class OpenAIBatches:
    """`/files` and `/batches`. Our batches are found by their metadata."""

    def create(self, endpoint: Endpoint, sent: Sent, bodies: dict[str, Body]) -> str:
        """Upload the requests, then create a batch with them."""
        line = {"method": "POST", "url": "/v1/chat/completions"}
        lines = [{"custom_id": name, **line, "body": body} for name, body in bodies.items()]
        content = "".join(json.dumps(each) + "\n" for each in lines).encode("utf-8", "replace")
        edge = uuid.uuid4().hex
        form, kind = _form(edge, content), f"multipart/form-data; boundary={edge}"
        file = _json(endpoint.call("POST", "/files", form, content_type=kind))["id"]
        wanted = {
            "input_file_id": file,
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {MARK: sent.name},
        }
        return _json(endpoint.call("POST", "/batches", json.dumps(wanted).encode(), attempts=1))[
            "id"
        ]

    def find(self, endpoint: Endpoint, sent: Sent, taken: frozenset[str]) -> Iterator[str | None]:
        """Search all batches for our name."""
        for batch in _listed(endpoint, "/batches", "after"):
            if (batch.get("metadata") or {}).get(MARK) == sent.name:
                yield batch["id"]
                return

    def results(self, endpoint: Endpoint, batch: str) -> list[Result] | None:
        """Return the lines of the file of answers and of the file of errors."""
        state = _json(endpoint.call("GET", f"/batches/{batch}"))
        if state["status"] == "failed":
            errors = (state.get("errors") or {}).get("data") or [{}]
            raise BatchRefused(f"the batch {batch} was refused: {errors[0].get('message')}")
        if state["status"] not in ("completed", "expired", "cancelled"):
            return None
        found: list[Result] = []
        for name in ("output_file_id", "error_file_id"):
            if file := state.get(name):
                found += map(self._result, _lines(endpoint.call("GET", f"/files/{file}/content")))
        return found

    def _result(self, line: Body) -> Result:
        response, error = line.get("response") or {}, line.get("error") or {}
        body = response.get("body") or {}
        if response.get("status_code") == 200 and not error:
            return line["custom_id"], body
        details = error or body.get("error") or {}
        by_request = response.get("status_code") == 400 or details.get("code") in BY_REQUEST
        return line["custom_id"], RequestFailure(str(details.get("message"))[:300], not by_request)


class AnthropicBatches:
    """`/messages/batches`. Our batches are recognised by the requests that they have results for.

    A list of batches says only how many requests each has. If one was sent at about the right time with as
    many requests, its results are awaited and read.
    """

    def create(self, endpoint: Endpoint, sent: Sent, bodies: dict[str, Body]) -> str:
        """Send the requests."""
        requests = [{"custom_id": name, "params": body} for name, body in bodies.items()]
        content = json.dumps({"requests": requests}).encode("utf-8", "replace")
        return _json(endpoint.call("POST", "/messages/batches", content, attempts=1))["id"]

    def find(self, endpoint: Endpoint, sent: Sent, taken: frozenset[str]) -> Iterator[str | None]:
        """Wait for each batch that may be ours, and look into its results."""
        alike: list[str] = []
        for batch in _listed(endpoint, "/messages/batches", "after_id"):
            count = sum(batch["request_counts"].values())
            late = _seconds(batch["created_at"]) >= sent.at - SKEW
            if late and count == len(sent.requests) and batch["id"] not in taken:
                alike.append(batch["id"])
        for batch in alike:
            while (found := self.results(endpoint, batch)) is None:
                yield None
            if {name for name, _ in found} & sent.requests:
                yield batch
                return

    def results(self, endpoint: Endpoint, batch: str) -> list[Result] | None:
        """Return the lines of the batch's results."""
        state = _json(endpoint.call("GET", f"/messages/batches/{batch}"))
        if state["processing_status"] != "ended":
            return None
        content = endpoint.call("GET", f"/messages/batches/{batch}/results")
        return [self._result(line) for line in _lines(content)]

    def _result(self, line: Body) -> Result:
        result = line["result"]
        if result["type"] == "succeeded":
            return line["custom_id"], result["message"]
        details = result.get("error") or {}
        details = details.get("error") or details
        why = str(details.get("message") or result["type"])[:300]
        return line["custom_id"], RequestFailure(why, details.get("type") not in BY_REQUEST)


def _form(edge: str, content: bytes) -> bytes:
    """Return the fields of an upload, as a browser would send them."""
    purpose = f'--{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    file = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="requests.jsonl"\r\n'
    head = f"{purpose}{file}Content-Type: application/jsonl\r\n\r\n"
    return head.encode() + content + f"\r\n--{edge}--\r\n".encode()


def _listed(endpoint: Endpoint, path: str, after: str) -> Iterator[Body]:
    """Yield all batches of an account, page by page."""
    last = ""
    while True:
        page = _json(
            endpoint.call("GET", f"{path}?limit=100" + (f"&{after}={last}" if last else ""))
        )
        yield from page["data"]
        if not page.get("has_more") or not page["data"]:
            return
        last = page["data"][-1]["id"]


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ServerError(f"the batch interface sent no JSON: {content[:60]!r}")
    return found


def _lines(content: bytes) -> list[Body]:
    return [json.loads(line) for line in content.splitlines() if line.strip()]


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
