"""What is rejected: one line each in `rejected.jsonl`, with the step, the reason and where it came from."""

import json
from collections import Counter
from pathlib import Path
from typing import Self

SHOWN = 3  # examples of each reason in the funnel
PREVIEW = 300  # characters of a text in a line; the sample itself stays in its source


class Rejections:
    """Lists rejected samples, and counts them by step and reason; a context manager."""

    def __init__(self, folder: Path):
        self.path = Path(folder) / "rejected.jsonl"
        self.counts: dict[str, Counter[str]] = {}
        self.examples: dict[str, list[dict]] = {}

    def add(self, step: str, reason: str, *, where: str, id: object = None, **more) -> None:
        """Note one sample.

        Args:
            step: of the funnel, such as `valid` or `overlong`.
            where: the file and row, or the question and sample, that it is.
            more: what else is worth knowing; texts are cut to a preview.
        """
        line = {"step": step, "reason": reason, "where": where, "id": preview(id)}
        line |= {key: preview(value) for key, value in more.items() if value is not None}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.counts.setdefault(step, Counter())[reason] += 1
        shown = self.examples.setdefault(step, [])
        if len(shown) < SHOWN or (
            len(shown) < 4 * SHOWN and all(reason != e["reason"] for e in shown)
        ):
            shown.append(line)

    @property
    def facts(self) -> dict[str, dict]:
        """Counts by step and reason, and examples of each step."""
        counts = {step: dict(sorted(each.items())) for step, each in self.counts.items()}
        return {"rejected": counts, "examples": self.examples}

    def __enter__(self) -> Self:
        self._file = open(self.path, "w", encoding="utf-8", errors="backslashreplace")
        return self

    def __exit__(self, *_) -> None:
        self._file.close()


def preview(value: object) -> object:
    """A text short enough for a list; other values as they are."""
    if isinstance(value, str) and len(value) > PREVIEW:
        return f"{value[:PREVIEW]}… ({len(value):,} characters)"
    return value
