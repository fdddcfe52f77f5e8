"""What a server was asked for: one line a request in a JSONL file, tokens and price with it."""

import json
import threading
from pathlib import Path
from typing import TypedDict

from r1v3.generate.server.endpoint import Body


class Totals(TypedDict):
    """What one request or many cost: tokens, and money where the price is known."""

    requests: int
    attempts: int
    prompt_tokens: int
    new_tokens: int
    price: float | None


class Usage:
    """Counts tokens and money, and appends them to a file where there is one; safe in threads.

    Args:
        price: money for a million prompt tokens and a million new ones; None if nobody said.
    """

    def __init__(self, path: Path | None, price: tuple[float, float] | None):
        self.path, self.price = path, price
        self.total = _nothing(0.0 if price else None)
        self._lock = threading.Lock()

    def add(self, key: str, model: str, body: Body, attempts: int) -> None:
        """Count one reply of a server."""
        told = body.get("usage") or {}
        row: Totals = {
            "requests": 1,
            "attempts": attempts,
            "prompt_tokens": int(told.get("prompt_tokens") or 0),
            "new_tokens": int(told.get("completion_tokens") or 0),
            "price": None,
        }
        if self.price:
            of_prompt, of_new = self.price
            row["price"] = (row["prompt_tokens"] * of_prompt + row["new_tokens"] * of_new) / 1e6
        with self._lock:
            _add(self.total, row)
            if self.path:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as out:
                    out.write(json.dumps({"key": key, "model": model, **row}) + "\n")


def read_usage(path: Path) -> dict[str, Totals]:
    """Totals of a usage file by model; half a line, left by a process that was killed, is skipped."""
    totals: dict[str, Totals] = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        _add(totals.setdefault(row["model"], _nothing(None)), row)
    return totals


def _nothing(price: float | None) -> Totals:
    return {"requests": 0, "attempts": 0, "prompt_tokens": 0, "new_tokens": 0, "price": price}


def _add(total: Totals, row: Totals) -> None:
    total["requests"] += row["requests"]
    total["attempts"] += row["attempts"]
    total["prompt_tokens"] += row["prompt_tokens"]
    total["new_tokens"] += row["new_tokens"]
    if row["price"] is not None:
        total["price"] = (total["price"] or 0.0) + row["price"]
