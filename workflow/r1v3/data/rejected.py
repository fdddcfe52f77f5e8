"""Writes the list of rejected samples: one line each in `rejected.jsonl`, with step, reason and place."""

import base64
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Self

from PIL import Image

SHOWN = 3  # number of examples of each reason in the funnel
THUMBNAIL = 120  # longer side of an example's thumbnail, in pixels
PREVIEW = 300  # most characters of a text in a line; the whole sample stays in its source


class Rejections:
    """Lists rejected samples, and counts them by step and reason. A context manager."""

    NAME = "rejected.jsonl"

    def __init__(self, folder: Path):
        self.path = Path(folder) / self.NAME
        self.counts: dict[str, Counter[str]] = {}
        self.examples: dict[str, list[dict]] = {}
        self.by_source: dict[str, dict[str, dict[str, dict]]] = {}

    def add(
        self,
        step: str,
        reason: str,
        *,
        where: str,
        id: object = None,
        source: str | None = None,
        thumbnail: Callable[[], Image.Image | None] | None = None,
        **more,
    ) -> None:
        """Record one rejected sample.

        Args:
            step: step of the funnel, such as `valid` or `overlong`.
            where: place of the sample: its file and row, or its question and sample.
            source: source of the sample, if samples are also counted by source.
            thumbnail: function that returns the sample's first picture, if it can be shown; called only for
                examples.
            more: other useful facts; texts are cut to a preview.
        """
        line = {"step": step, "reason": reason, "where": where, "id": preview(id)}
        line |= {key: preview(value) for key, value in more.items() if value is not None}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.counts.setdefault(step, Counter())[reason] += 1
        if source is not None:
            self._count_by_source(source, step, line, thumbnail)
        shown = self.examples.setdefault(step, [])
        if len(shown) < SHOWN or (
            len(shown) < 4 * SHOWN and all(reason != e["reason"] for e in shown)
        ):
            shown.append(line)

    def _count_by_source(
        self, source: str, step: str, line: dict, thumbnail: Callable[[], Image.Image | None] | None
    ) -> None:
        found = self.by_source.setdefault(source, {}).setdefault(step, {})
        noted = found.setdefault(line["reason"], {"count": 0, "examples": []})
        noted["count"] += 1
        if len(noted["examples"]) < SHOWN:
            image = thumbnail() if thumbnail else None
            noted["examples"].append(line | ({"thumbnail": small(image)} if image else {}))

    @property
    def facts(self) -> dict[str, dict]:
        """Return counts by step and reason, and examples of each step, in total and by source."""
        counts = {step: dict(sorted(each.items())) for step, each in self.counts.items()}
        return {
            "rejected": counts,
            "examples": self.examples,
            "rejected_by_source": self.by_source,
        }

    def __enter__(self) -> Self:
        self._file = open(self.path, "w", encoding="utf-8", errors="backslashreplace")
        return self

    def __exit__(self, *_) -> None:
        self._file.close()


def small(image: Image.Image) -> str:
    """Return a thumbnail as the `src` of an `<img>`."""
    image = image.convert("RGB")
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def preview(value: object) -> object:
    """Return a text short enough for a list; return other values unchanged."""
    if isinstance(value, str) and len(value) > PREVIEW:
        return f"{value[:PREVIEW]}… ({len(value):,} characters)"
    return value
