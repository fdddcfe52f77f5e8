"""Collects the requests of many threads into batches for one model. Only one thread calls the model."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Waiting = tuple[Item, "Future[float]"]

GATHER_SECONDS = 0.01  # a batch waits this long for requests that arrive together


class Batcher(Generic[Item]):
    """Scores submitted items, several at a time, in the order of submission.

    Args:
        score: function that returns a number for each item of a batch.
        size: function that returns the length of an item, for example in tokens.
        most: largest number of items in a batch.
        room: largest size of a padded batch: its longest item times its number of items. A longer item is
            scored alone.
    """

    def __init__(
        self,
        score: Callable[[list[Item]], list[float]],
        *,
        size: Callable[[Item], int],
        most: int,
        room: int,
    ):
        if most < 1 or room < 1:
            raise ValueError("batch and batch-tokens must be 1 or more")
        self._score, self._size, self._most, self._room = score, size, most, room
        self._queue: queue.Queue[Waiting[Item] | None] = queue.Queue()
        self._left: Waiting[Item] | None = None  # the item that did not fit into the last batch
        self._thread = threading.Thread(target=self._run, name="reward model", daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> "Future[float]":
        """Submit an item. Its future may be cancelled until its batch starts."""
        future: Future[float] = Future()
        self._queue.put((item, future))
        return future

    def close(self) -> None:
        """End the thread after all submitted items are scored."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next():
            taken = [(i, future) for i, future in batch if future.set_running_or_notify_cancel()]
            if taken:
                self._answer(taken)

    def _next(self) -> list[Waiting[Item]]:
        """Return the next batch; it is empty at the end."""
        first, self._left = self._left or self._queue.get(), None
        if first is None:
            return []
        batch, longest = [first], self._size(first[0])
        until = time.monotonic() + GATHER_SECONDS
        while len(batch) < self._most:
            try:
                following = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if following is None:
                self._queue.put(None)
                break
            longest = max(longest, self._size(following[0]))
            if longest * (len(batch) + 1) > self._room:
                self._left = following
                break
            batch.append(following)
        return batch

    def _answer(self, taken: list[Waiting[Item]]) -> None:
        """Score a batch. If it fails, for example for lack of memory, score its items one by one."""
        try:
            found = self._score([item for item, _ in taken])
        except Exception as error:
            if len(taken) == 1:
                taken[0][1].set_exception(error)
                return
            for each in taken:
                self._answer([each])
            return
        for (_, future), value in zip(taken, found, strict=True):
            future.set_result(value)
