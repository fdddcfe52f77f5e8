"""Computes results in threads, in order, a few items before they are needed."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from r1v3.recipe.schema.training import Loading

Item = TypeVar("Item")
Made = TypeVar("Made")


class Prefetch(Generic[Item, Made]):
    """Iterates over `make(item)` for each item, with the seconds that the consumer waited for it.

    Args:
        loading: the recipe's section. It sets the number of threads, and how many items they work ahead.
    """

    def __init__(self, make: Callable[[Item], Made], items: Iterable[Item], loading: Loading):
        self.make, self.items = make, iter(items)
        self.threads = ThreadPoolExecutor(loading.threads, thread_name_prefix="prefetch")
        self.coming: deque[Future[Made]] = deque()
        for _ in range(loading.ahead):
            self._submit_next()

    def __iter__(self) -> Iterator[tuple[Made, float]]:
        try:
            while self.coming:
                began = time.monotonic()
                made = self.coming.popleft().result()
                waited = time.monotonic() - began
                self._submit_next()
                yield made, waited
        finally:
            self.threads.shutdown(wait=False, cancel_futures=True)

    def _submit_next(self) -> None:
        for item in self.items:
            self.coming.append(self.threads.submit(self.make, item))
            return
