"""What a server was asked for: one line a request in a JSONL file, tokens and price with it."""

import json
import threading
from pathlib import Path


class Usage:
    """Counts tokens and money, and appends them to a file where there is one; safe in threads.

    Args:
        price: money for a million prompt tokens and a million new ones; None if nobody said.
    """

    def __init__(self, path: Path | None, price: tuple[float, float] | None):
        self.path, self.price = path, price
        self.total = {"requests": 0, "attempts": 0, "prompt_tokens": 0, "new_tokens": 0}
        self.total["price"] = 0.0 if price else None
        self._lock = threading.Lock()

    def add(self, key: str, model: str, body: dict, attempts: int) -> None:
        """Count one reply of a server."""
        told = body.get("usage") or {}
        row = {
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
            _sum(self.total, row)
            if self.path:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as out:
                    out.write(json.dumps({"key": key, "model": model, **row}) + "\n")


def read_usage(path: Path) -> dict[str, dict]:
    """Totals of a usage file by model; half a line, left by a process that was killed, is skipped."""
    totals: dict[str, dict] = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        empty = {name: 0 for name in ("requests", "attempts", "prompt_tokens", "new_tokens")}
        _sum(totals.setdefault(row["model"], {**empty, "price": None}), row)
    return totals


def _sum(total: dict, row: dict) -> None:
    for name, value in total.items():
        if row[name] is not None:
            total[name] = (value or 0) + row[name]
