"""Counts the requests to a server and their cost in a file of JSON lines, within a budget.

If the price is known, the most that a request can cost is reserved before it is sent, and replaced by its
cost when the reply is there. If the outcome of a request is unknown (the process was killed, the connection
broke), the money stays reserved, because the provider may charge it. Several processes share a file; a lock
keeps their sum right.
"""

import json
import os
import threading
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from filelock import FileLock

from r1v3.base.json_file import parse_line
from r1v3.generate.server.tokens import Tokens
from r1v3.recipe.tables.prices import Price

ROUNDING = 1e-9


class BudgetReached(RuntimeError):
    """The next request might cost more than is left. It was not sent."""


class Totals(TypedDict):
    """The cost of requests: tokens, and money if the price is known."""

    requests: int
    attempts: int
    prompt_tokens: int
    cached_tokens: int
    new_tokens: int
    price: float | None


class Usage:
    """Counts tokens and money, and appends them to a file if there is one. It is thread-safe.

    Args:
        path: the file; None keeps the count in memory.
        price: price of the model; None if it is unknown.
        budget: most money that all requests of the file may cost; None for no limit.

    Raises:
        ValueError: there is a budget and no price.
    """

    def __init__(self, path: Path | None, price: Price | None, budget: float | None = None):
        if budget is not None and price is None:
            raise ValueError(
                "--budget: the price of this model is not known; add it to config/prices.yaml"
            )
        self.path, self.price, self.budget = path, price, budget
        self.total = _nothing(0.0 if price else None)
        self._changed = threading.Condition()
        self._flying = set[str]()
        self._read, self._spent, self._held = 0, 0.0, dict[str, float]()

    def hold(
        self,
        key: str,
        model: str,
        at_most: Tokens,
        *,
        batch: bool = False,
        waits: bool = True,
        name: str = "",
    ) -> str:
        """Reserve the most that a request can cost, and return the name for `settle` and `end`.

        Args:
            waits: whether to wait for requests in flight, which may cost less than is reserved for them.
            name: name of the reservation; empty for a new one.

        Raises:
            BudgetReached: not enough is left.
        """
        if self.price is None:
            return ""
        most, name = at_most.cost(self.price, batch=batch), name or uuid.uuid4().hex[:16]
        with self._changed:
            while True:
                with self._file():
                    if self._fits(most):
                        self._append({"held": name, "key": key, "model": model, "at_most": most})
                        self._flying.add(name)
                        return name
                if not (waits and self._flying):
                    raise BudgetReached(self._why(most))
                self._changed.wait()

    def holds(self, held: str) -> bool:
        """Return whether money is reserved under this name."""
        if not held:
            return False
        with self._changed, self._file():
            self._catch_up()
            return held in self._held

    def end(self, held: str, *, free: bool) -> None:
        """End a request that got no reply, and release its reservation if it certainly cost nothing."""
        with self._changed:
            if held and free:
                with self._file():
                    self._append({"released": held})
            self._flying.discard(held)
            self._changed.notify_all()

    def settle(
        self,
        held: str,
        key: str,
        model: str,
        tokens: Tokens,
        *,
        attempts: int = 1,
        counted: int = 0,
        samples: int = 1,
        batch: bool = False,
    ) -> None:
        """Record what a request did cost, and release its reservation.

        Args:
            counted: the prompt's tokens as they were counted before.
            samples: number of answers in the reply.
        """
        row: Totals = {
            "requests": 1,
            "attempts": attempts,
            "prompt_tokens": tokens.prompt,
            "cached_tokens": tokens.cached,
            "new_tokens": tokens.new,
            "price": tokens.cost(self.price, batch=batch) if self.price else None,
        }
        line = {"settled": held, "key": key, "model": model, "samples": samples, **row}
        with self._changed:
            _add(self.total, row)
            with self._file():
                self._append(line | ({"counted": counted} if counted else {}))
            self._flying.discard(held)
            self._changed.notify_all()

    def _why(self, most: float) -> str:
        assert self.price
        assert self.budget is not None
        return (
            f"the budget of {self.budget:.2f} {self.price.currency} stops here: {self._spent:.2f} are spent,"
            f" {sum(self._held.values()):.2f} are held for requests whose end is not known, and the next may"
            f" cost {most:.2f}; answers so far are stored, and a higher --budget goes on from there"
        )

    def _fits(self, most: float) -> bool:
        if self.budget is None:
            return True
        self._catch_up()
        return self._spent + sum(self._held.values()) + most <= self.budget + ROUNDING

    @contextmanager
    def _file(self) -> Generator[None]:
        """Lock the file against other writers."""
        if self.path is None:
            yield
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock"):
            yield

    def _catch_up(self) -> None:
        """Read what this or another process has appended since the last call."""
        if self.path is None or not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                row = parse_line(line)
                if row is not None:
                    self._take(row)

    def _take(self, row: dict[str, Any]) -> None:
        if "held" in row:
            self._held[row["held"]] = row["at_most"]
        else:
            self._held.pop(row.get("released") or row.get("settled") or "", None)
            self._spent += row.get("price") or 0.0

    def _append(self, row: dict[str, Any]) -> None:
        if self.path is None:
            self._take(row)
            return
        with self.path.open("a+b") as out:
            if out.tell() and not _ends_a_line(out.fileno(), out.tell()):
                out.write(b"\n")  # after half a line of a process that was killed
            out.write(json.dumps(row).encode() + b"\n")


def read_usage(path: Path) -> dict[str, Totals]:
    """Return the totals of a usage file by model, without half a line of a killed process."""
    totals: dict[str, Totals] = {}
    for row in read_answered(path):
        _add(totals.setdefault(row["model"], _nothing(None)), row)
    return totals


def read_answered(path: Path) -> list[dict[str, Any]]:
    """Return the answered requests of a usage file; none if there is no file."""
    if not Path(path).exists():
        return []
    rows = map(parse_line, Path(path).read_bytes().splitlines(keepends=True))
    return [row for row in rows if row is not None and "requests" in row]


def _ends_a_line(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"


def _nothing(price: float | None) -> Totals:
    return {
        "requests": 0,
        "attempts": 0,
        "prompt_tokens": 0,
        "cached_tokens": 0,
        "new_tokens": 0,
        "price": price,
    }


def _add(total: Totals, row: Any) -> None:
    total["requests"] += row["requests"]
    total["attempts"] += row["attempts"]
    total["prompt_tokens"] += row["prompt_tokens"]
    total["cached_tokens"] += row.get("cached_tokens", 0)
    total["new_tokens"] += row["new_tokens"]
    if row["price"] is not None:
        total["price"] = (total["price"] or 0.0) + row["price"]
