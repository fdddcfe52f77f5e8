"""Sends requests through a provider's batch interface once, and fetches the results by an id kept on disk.

A batch is recorded before it is sent, and again with its id. A process that is started again fetches the
recorded batches. If a batch has no id, it may or may not have been sent. The provider's list tells, and the
batch is sent again only if it is not there.
"""

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from r1v3.base.atomic_write import write_text
from r1v3.generate.server.batch_forms import (
    AnthropicBatches,
    BatchForm,
    BatchRefused,
    OpenAIBatches,
    RequestFailure,
    Result,
    Sent,
)
from r1v3.generate.server.endpoint import Body, Endpoint, RefusedRequest, ServerError
from r1v3.generate.server.forms import Form
from r1v3.generate.server.replies import Replies
from r1v3.generate.server.tokens import Tokens
from r1v3.generate.server.usage import BudgetReached, Usage

MOST_REQUESTS = 4000  # most requests of a batch, so that as many long answers can be read at once
MOST_BYTES = 100 * 2**20  # most bytes of a batch, below the limits of both providers
TRIES = 3  # most batches for a request that failed for no reason of its own
FORMS: dict[str, BatchForm] = {"openai": OpenAIBatches(), "anthropic": AnthropicBatches()}


@dataclass(frozen=True)
class Job:
    """One request: the name of its reply, the question that it belongs to, and its possible cost."""

    name: str
    question: str
    body: Body
    at_most: Tokens
    counted: int


@dataclass
class RequestBatch:
    """A batch as it is on disk. `held` and the later fields are by the names of its requests."""

    name: str
    at: float
    id: str | None
    held: dict[str, str]
    questions: dict[str, str]
    counted: dict[str, int]

    @property
    def sent(self) -> Sent:
        """Return what the provider can be asked about."""
        return Sent(self.name, self.at, frozenset(self.questions))


@dataclass
class Batches:
    """Answers jobs by batches, and keeps the replies.

    Args:
        endpoint: the provider's endpoint.
        kind: `openai` or `anthropic`.
        form: reads the replies.
        folder: keeps a file for each batch that has no answer yet.
        seconds: seconds between two checks whether a batch is ready.
    """

    endpoint: Endpoint
    kind: str
    form: Form
    model: str
    folder: Path
    replies: Replies
    usage: Usage
    seconds: float = 60.0
    errors: dict[str, str] = field(default_factory=dict[str, str])
    _tries: dict[str, int] = field(default_factory=dict[str, int])
    _reached: BudgetReached | None = None
    _locks: dict[str, FileLock] = field(default_factory=dict[str, FileLock])

    def __post_init__(self) -> None:
        if self.kind not in FORMS:
            raise ValueError(
                f"batch: a server of kind {self.kind} has none; allowed: {', '.join(FORMS)}"
            )

    def resume(self) -> None:
        """Take over the batches of earlier processes, except those of processes that still run."""
        open_batches: list[RequestBatch] = []
        for path in sorted(self.folder.glob("*.json")):
            if self._own(path.stem):
                open_batches.append(RequestBatch(**json.loads(path.read_text())))
        for batch in open_batches:
            if batch.id is None:
                batch.id = self._found(batch)
            if batch.id is None:  # it never reached the provider, so it costs nothing
                self._drop(batch)
            else:
                self._keep(batch)
        self._wait([batch for batch in open_batches if batch.id])

    def answer(self, jobs: Iterable[Job]) -> BudgetReached | None:
        """Send all jobs that fit into the budget, and wait for them.

        Returns:
            The reason if no job could be sent; None if some were.

        Raises:
            ServerError: the provider takes no batch, or refuses one as a whole.
        """
        self._reached = None
        batches = [batch for chunk in _chunks(jobs) if (batch := self._send(chunk))]
        self._wait(batches)
        # The costs of the sent jobs are known by now, so more jobs may fit.
        return None if batches else self._reached

    def _send(self, jobs: list[Job]) -> RequestBatch | None:
        """Send those of the jobs that fit into the budget; None if none does."""
        if self._reached:
            return None
        name = f"{jobs[0].name}-{time.time_ns():x}"
        batch = RequestBatch(
            name=name,
            at=time.time(),
            id=None,
            held={job.name: uuid.uuid4().hex[:16] for job in jobs},
            questions={job.name: job.question for job in jobs},
            counted={job.name: job.counted for job in jobs},
        )
        self._own(name)
        self._keep(batch)  # before money is reserved, so that it is released after a kill
        jobs = self._with_room(jobs, batch)
        if not jobs:
            self._drop(batch)
            return None
        self._keep(batch)
        bodies = {job.name: job.body for job in jobs}
        for attempt in range(self.endpoint.attempts):
            try:
                batch.id = FORMS[self.kind].create(self.endpoint, batch.sent, bodies)
                break
            except RefusedRequest as error:
                if not error.may_pass:
                    self._drop(batch)
                    raise ServerError(
                        f"{self.endpoint.base}: no batch was taken: {error}"
                    ) from None
                time.sleep(min(self.seconds, self.endpoint.first_wait * 2**attempt))
                # Perhaps only the reply was lost, and the batch exists.
                if batch_id := self._found(batch):
                    batch.id = batch_id
                    break
        if batch.id is None:
            raise ServerError(
                f"{self.endpoint.base}: took no batch in {self.endpoint.attempts} attempts"
            )
        self._keep(batch)
        print(f"batch {batch.id} of {len(jobs)} requests was sent", flush=True)
        return batch

    def _with_room(self, jobs: list[Job], batch: RequestBatch) -> list[Job]:
        """Return the jobs up to the first that does not fit, and remove the others from the batch."""
        for place, job in enumerate(jobs):
            try:
                batch.held[job.name] = self.usage.hold(
                    job.question,
                    self.model,
                    job.at_most,
                    batch=True,
                    waits=False,
                    name=batch.held[job.name],
                )
            except BudgetReached as reached:
                self._reached = reached
                for left in jobs[place:]:
                    del batch.held[left.name], batch.questions[left.name], batch.counted[left.name]
                return jobs[:place]
        return jobs

    def _found(self, batch: RequestBatch) -> str | None:
        """Return the id of a batch that may have been sent."""
        others = (json.loads(path.read_text()) for path in self.folder.glob("*.json"))
        taken = frozenset(other["id"] for other in others if other["id"])
        for found in FORMS[self.kind].find(self.endpoint, batch.sent, taken):
            if found is not None:
                return found
            time.sleep(self.seconds)
        return None

    def _wait(self, batches: list[RequestBatch]) -> None:
        """Take the results of each batch when it is ready."""
        while batches:
            left: list[RequestBatch] = []
            for batch in batches:
                assert batch.id
                try:
                    results = FORMS[self.kind].results(self.endpoint, batch.id)
                except BatchRefused:
                    self._drop(batch)
                    raise
                if results is None:
                    left.append(batch)
                else:
                    self._take(batch, results)
            batches = left
            if batches:
                time.sleep(self.seconds)

    def _take(self, batch: RequestBatch, results: list[Result]) -> None:
        lacking = set(batch.questions)
        for name, found in results:
            if name not in lacking:
                continue
            lacking.discard(name)
            if isinstance(found, RequestFailure):
                self._failed(name, found)
            else:
                self._take_reply(batch, name, found)
        for name in sorted(lacking):
            self._failed(name, RequestFailure("the batch has no result of it", may_pass=True))
        self._drop(batch)  # requests without an answer are not charged

    def _take_reply(self, batch: RequestBatch, name: str, reply: Body) -> None:
        held = batch.held[name]
        try:
            samples, tokens = len(self.form.choices(reply)), self.form.tokens(reply)
        except ValueError as error:
            self.errors[name] = str(error)
            del batch.held[name]  # its cost is unknown, so the money stays reserved
            return
        known = self.replies.get(name) is not None
        if known and not self.usage.holds(held):
            return  # an earlier process took it before it was killed
        if not known:
            self.replies.put(name, reply)
        self.usage.settle(
            held,
            batch.questions[name],
            self.model,
            tokens,
            counted=batch.counted[name],
            samples=samples,
            batch=True,
        )

    def _failed(self, name: str, failure: RequestFailure) -> None:
        self._tries[name] = self._tries.get(name, 0) + 1
        if not failure.may_pass or self._tries[name] >= TRIES:
            self.errors[name] = failure.why

    def _keep(self, batch: RequestBatch) -> None:
        write_text(self.folder / f"{batch.name}.json", json.dumps(vars(batch)))

    def _drop(self, batch: RequestBatch) -> None:
        """Delete the record of a batch, and release the money that is still reserved for its requests."""
        for held in batch.held.values():
            if self.usage.holds(held):
                self.usage.end(held, free=True)
        (self.folder / f"{batch.name}.json").unlink(missing_ok=True)
        self._locks.pop(batch.name).release()
        (self.folder / f"{batch.name}.lock").unlink(missing_ok=True)

    def _own(self, name: str) -> bool:
        """Return whether a batch belongs to this process; the system frees the lock of a killed process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self._locks[name] = lock
        return True


def _chunks(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    """Split jobs into parts that fit into one batch each."""
    chunk: list[Job] = []
    size = 0
    for job in jobs:
        length = len(json.dumps(job.body))
        if chunk and (len(chunk) >= MOST_REQUESTS or size + length > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(job)
        size += length
    if chunk:
        yield chunk
