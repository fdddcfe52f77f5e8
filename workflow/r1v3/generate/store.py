"""Stores the responses of a job in shards of JSON lines, appended as they come.

Each line has the key of its request, a hash of model, prompt, pictures, sampling and seed. When a job is
started again, it asks every request whose present key has no line. Lines with another key, for example after
a change of the template, are removed. A process that was killed leaves at most half a line, which is removed
too. A line that cannot be read is reported by file and number, and its request is asked again.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from PIL import Image

from r1v3.base.atomic_write import atomic_write
from r1v3.base.json_file import parse_line
from r1v3.generate.types import Request, Response, Sampling

DIGITS = 16
Row = dict[str, Any]  # a stored sample, as JSON


def request_key(model: str, request: Request, sampling: Sampling) -> str:
    """Hash everything that decides a request's samples.

    The number of samples is not included, because each sample has its own number. Files count by name, which
    in our data is the hash of their content.

    Args:
        model: distinguishes a model's weights from others, for example the id of a run and its checkpoint.
    """
    content = {
        "model": model,
        "prompt": request.prompt,
        "pictures": [_picture(each) for each in request.images],
        "sampling": asdict(replace(sampling, samples=1)),
        "seed": request.seed,
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]


def _picture(picture: Path | Image.Image) -> str:
    if isinstance(picture, Image.Image):
        return hashlib.sha256(f"{picture.size}".encode() + picture.tobytes()).hexdigest()
    return Path(picture).name


class Store:
    """The shards of one process: `<name>.<part>-of-<parts>.jsonl`, where `name` is the beginning of a key.

    Args:
        folder: folder of all shards.
        model: see `request_key`.
        read_only: whether to only find out what is missing, without removing stale lines.
    """

    def __init__(
        self, folder: Path, model: str, part: int = 0, parts: int = 1, *, read_only: bool = False
    ):
        self.read_only = read_only
        self.folder, self.model, self.part, self.parts = Path(folder), model, part, parts
        self.keys: dict[str, str] = {}
        self.unreadable = False  # whether a shard has an unreadable line

    def missing(self, requests: Iterable[Request], sampling: Sampling) -> Iterator[Request]:
        """Yield the requests of this process's share that lack a sample, after removing stale lines."""
        answered: dict[str, Counter[str]] | None = None
        wanted, stale = [], set()
        for number, request in enumerate(requests):
            if answered is None:
                answered = self._answered(request.key.partition("/")[0])
            if number % self.parts != self.part:
                continue
            key = self.keys[request.key] = request_key(self.model, request, sampling)
            found = answered.get(request.key, Counter[str]())
            if set(found) - {key}:
                stale.add(request.key)
            if found[key] < sampling.samples:
                wanted.append(request)
        if self.read_only:
            yield from wanted
            return
        if stale:
            print(f"{len(stale)} requests are not what was asked before: asked again", flush=True)
        if stale or self.unreadable:
            self._drop(stale)
            self.unreadable = False
        yield from wanted

    def append(self, responses: list[Response]) -> None:
        """Write finished responses to requests that `missing` has returned."""
        lines: dict[str, list[str]] = {}
        for response in responses:
            row: Row = {
                "key": response.key,
                "run": response.sample,
                "request": self.keys[response.key],
                "text": response.text,
                "finish_reason": response.finish_reason,
                "tokens": response.tokens,
                "prompt_tokens": response.prompt_tokens,
            }
            row |= {"error": response.error} if response.error else {}
            name = response.key.partition("/")[0]
            lines.setdefault(name, []).append(json.dumps(row, ensure_ascii=False))
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, rows in lines.items():
            with open(self._path(name), "a", encoding="utf-8", errors="replace") as file:
                file.write("\n".join(rows) + "\n")

    def drop_half_lines(self) -> None:
        """Remove unfinished lines of a killed process from this process's shards."""
        for path in self.folder.glob(f"*.{self.part}-of-{self.parts}.jsonl"):
            _drop_half_line(path)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.{self.part}-of-{self.parts}.jsonl"

    def _answered(self, name: str) -> dict[str, Counter[str]]:
        answered: dict[str, Counter[str]] = {}

        def passed_over(where: str) -> None:
            print(f"{where}: a stored answer cannot be read; asked again", flush=True)
            self.unreadable = True

        for row in read_responses(self.folder, name, passed_over):
            answered.setdefault(row["key"], Counter())[row.get("request", "")] += 1
        return answered

    def _drop(self, stale: set[str]) -> None:
        """Rewrite shards without the lines of these keys that belong to another request."""
        pattern = f"*.{self.part}-of-{self.parts}.jsonl" if self.parts > 1 else "*-of-*.jsonl"
        for path in sorted(self.folder.glob(pattern)):
            with atomic_write(path) as partial, open(path, "rb") as old, open(partial, "wb") as new:
                for line in old:
                    row = _read_row(line)
                    if row is None:
                        continue
                    if row["key"] in stale and row.get("request") != self.keys[row["key"]]:
                        continue
                    new.write(line)


def _told(where: str) -> None:
    print(f"{where}: a stored answer cannot be read, and is left out", flush=True)


def read_responses(
    folder: Path, name: str, passed_over: Callable[[str], None] = _told
) -> Iterator[Row]:
    """Yield the stored samples of a name, each (key, run) once, without half lines.

    Args:
        passed_over: is called with file and line of each stored answer that cannot be read.
    """
    seen: set[tuple[str, int]] = set()
    for path in sorted(folder.glob(f"{name}.*-of-*.jsonl")):
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    continue
                row = _read_row(line)
                if row is None:
                    passed_over(f"{path}, line {number}")
                elif (row["key"], row["run"]) not in seen:
                    seen.add((row["key"], row["run"]))
                    yield row


def _read_row(line: bytes) -> Row | None:
    """Parse a stored sample; None for half a line, or for one that is no sample."""
    row = parse_line(line)
    if row is None:
        return None
    texts = (row.get(name) for name in ("key", "text", "finish_reason"))
    counts = (row.get(name) for name in ("run", "tokens", "prompt_tokens"))
    typed = all(isinstance(text, str) for text in texts)
    typed = typed and isinstance(row.get("request", ""), str)
    return row if typed and all(type(count) is int for count in counts) else None


def _drop_half_line(path: Path) -> None:
    with open(path, "rb+") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 2**20)
            file.seek(start)
            at = file.read(end - start).rfind(b"\n")
            if at >= 0:
                file.truncate(start + at + 1)
                return
            end = start
        file.truncate(0)
