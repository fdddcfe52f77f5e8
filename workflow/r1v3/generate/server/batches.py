"""Requests through a provider's batch interface: sent once, and asked for again by an id kept on disk.

A batch is written down before it is sent and once more with its id. A process that is started again asks for
the batches that lie there. Of one without an id nobody knows whether it was sent: the provider's list says
so, and it is sent again only if it is not there.
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

MOST_REQUESTS = 4000  # of one batch; so many long answers can still be read at once
MOST_BYTES = 100 * 2**20  # of one batch, below either provider's limit
TRIES = 3  # of a request that a batch failed at for no reason of its own
FORMS: dict[str, BatchForm] = {"openai": OpenAIBatches(), "anthropic": AnthropicBatches()}


@dataclass(frozen=True)
class Job:
    """One request: the name of its reply, the question it belongs to, and what it may cost."""

    name: str
    question: str
    body: Body
    at_most: Tokens
    counted: int


@dataclass
class RequestBatch:
    """A batch as it lies on disk; `held` and the rest are by the names of its requests."""

    name: str
    at: float
    id: str | None
    held: dict[str, str]
    questions: dict[str, str]
    counted: dict[str, int]

    @property
    def sent(self) -> Sent:
        """What the provider may be asked about."""
        return Sent(self.name, self.at, frozenset(self.questions))


@dataclass
class Batches:
    """Answers jobs by batches, and keeps the replies.

    Args:
        endpoint: of the provider.
        kind: `openai` or `anthropic`.
        form: reads the replies.
        folder: keeps a file for each batch that is not answered yet.
        seconds: between two questions whether a batch is ready.
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
        """Take in the batches of processes before this one; those of a living process are left to it."""
        open_batches: list[RequestBatch] = []
        for path in sorted(self.folder.glob("*.json")):
            if self._own(path.stem):
                open_batches.append(RequestBatch(**json.loads(path.read_text())))
        for batch in open_batches:
            if batch.id is None:
                batch.id = self._found(batch)
            if batch.id is None:  # it never arrived, so it costs nothing
                self._drop(batch)
            else:
                self._keep(batch)
        self._wait([batch for batch in open_batches if batch.id])

    def answer(self, jobs: Iterable[Job]) -> BudgetReached | None:
        """Send all jobs that have room in the budget, and wait for them.

        Returns:
            What kept every job from being sent; None where some were.

        Raises:
            ServerError: the provider takes no batch, or refuses one as a whole.
        """
        self._reached = None
        batches = [batch for chunk in _chunks(jobs) if (batch := self._send(chunk))]
        self._wait(batches)
        # What the sent ones did cost is known by now, so that more may have room.
        return None if batches else self._reached

    def _send(self, jobs: list[Job]) -> RequestBatch | None:
        """Send those of the jobs that have room; None where none has."""
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
        self._keep(batch)  # before anything is set aside, so that it is given back after a kill
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
                # The reply was lost, perhaps, and the batch was not.
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
        """The jobs up to the first that has no room; the batch forgets the others."""
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
        """The id of a batch that may have been sent."""
        others = (json.loads(path.read_text()) for path in self.folder.glob("*.json"))
        taken = frozenset(other["id"] for other in others if other["id"])
        for found in FORMS[self.kind].find(self.endpoint, batch.sent, taken):
            if found is not None:
                return found
            time.sleep(self.seconds)
        return None

    def _wait(self, batches: list[RequestBatch]) -> None:
        """Take in each batch as it is ready."""
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
            del batch.held[name]  # nobody knows what it did cost, so it stays held
            return
        known = self.replies.get(name) is not None
        if known and not self.usage.holds(held):
            return  # taken in before, by a process that was killed then
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
        """Forget a batch; what is still held for its requests is given back."""
        for held in batch.held.values():
            if self.usage.holds(held):
                self.usage.end(held, free=True)
        (self.folder / f"{batch.name}.json").unlink(missing_ok=True)
        self._locks.pop(batch.name).release()
        (self.folder / f"{batch.name}.lock").unlink(missing_ok=True)

    def _own(self, name: str) -> bool:
        """Whether a batch is this process's; the system frees the lock of a process that was killed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self._locks[name] = lock
        return True


def _chunks(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    """Jobs in parts that fit into a batch each."""
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
