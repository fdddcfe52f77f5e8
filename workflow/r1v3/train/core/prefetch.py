"""Results of a function in order, made by threads a few steps ahead of whoever takes them."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor


class Prefetch:
    """Iterate over `make(item)` for each item, with how many seconds each was waited for.

    Args:
        loading: the recipe's `loading` section: how many threads, and how far ahead.
    """

    def __init__(self, make: Callable, items: Iterable, loading: dict):
        self.make, self.items = make, iter(items)
        self.threads = ThreadPoolExecutor(loading["threads"], thread_name_prefix="prefetch")
        self.coming: deque[Future] = deque()
        for _ in range(loading["ahead"]):
            self._ask()

    def __iter__(self) -> Iterator[tuple[object, float]]:
        try:
            while self.coming:
                began = time.monotonic()
                made = self.coming.popleft().result()
                waited = time.monotonic() - began
                self._ask()
                yield made, waited
        finally:
            self.threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self) -> None:
        for item in self.items:
            self.coming.append(self.threads.submit(self.make, item))
            return
