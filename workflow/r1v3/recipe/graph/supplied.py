"""Hashes the user's own files, so that a changed file gives another result.

A file is represented by the sha256 of its content, and a folder by those of its files. Digests come from a
cache as long as a file's inode, size and times stay the same (`r1v3.base.file_hash`). A missing file is left
out here, and the stage that needs it reports it.
"""

import ast
import csv
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from r1v3.base.file_hash import CACHE, file_sha256, files_sha256
from r1v3.recipe.tables.benchmarks import HubSource, OwnFile, Source, UrlSource
from r1v3.recipe.tables.sources import Files, Hub

HUB = "https://huggingface.co"
PICTURE_PATHS = "image_path"
SEPARATORS = {".tsv": "\t", ".csv": ","}
LONGEST_CELL = 2**28  # characters; a picture of 200 MB in base64
BENCHMARKS_BY_HAND = "R1V3_BENCHMARKS"


def content_of_places(where: Hub | Files, root: Path) -> dict[str, str]:
    """Return the sha256 of each local file or folder of a source, by its place."""
    if isinstance(where, Hub):
        return {}
    found: dict[str, str] = {}
    for place in where.places:
        path = root / place
        if is_url(place) or not path.exists():
            continue
        found[place] = _content(path, root / "results" / CACHE)
    return found


def content_by_hand(name: str, source: Source, root: Path) -> dict[str, str]:
    """Return the sha256 of each file of a benchmark that the user supplies without a published checksum.

    The pictures that the rows of a user's own file name count as part of it.
    """
    cache = root / "results" / CACHE
    if isinstance(source, OwnFile) and not is_url(source.place):
        path = root / source.place
        if not path.is_file():
            return {}
        pictures = sorted({each for each in pictures_named(path) if each.is_file()})
        digests = files_sha256([path, *pictures], cache)
        lines = [f"{digests[each]} {os.path.relpath(each, path.parent)}" for each in pictures]
        found = {source.place: digests[path]}
        if lines:
            found["pictures"] = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return found
    if not isinstance(source, UrlSource | HubSource) or source.md5 is None:
        found = {
            filename: benchmark_by_hand(filename) for filename, _ in benchmark_files(name, source)
        }
        return {filename: file_sha256(path, cache) for filename, path in found.items() if path}
    return {}


def benchmark_files(name: str, source: Source) -> Iterator[tuple[str, str | None]]:
    """Yield the files of a benchmark's source: a file name, and its URL if there is one."""
    if isinstance(source, UrlSource):
        yield source.url.rsplit("/", 1)[-1], source.url
    elif isinstance(source, HubSource):
        host = os.environ.get("HF_ENDPOINT", HUB)
        for file in source.files:
            url = f"{host}/datasets/{source.id}/resolve/{source.revision}/{file}"
            yield f"{source.id}/{file}", url
    elif isinstance(source, OwnFile):
        yield Path(source.place).name, source.place if is_url(source.place) else None
    else:
        yield f"{name}.tsv", None


def is_url(place: str) -> bool:
    """Return whether a place is a URL and not a path."""
    return urlsplit(place).scheme in ("http", "https")


def pictures_named(path: Path) -> Iterator[Path]:
    """Yield each picture that rows of a .tsv, .csv or .jsonl file name in `image_path`, with repeats."""
    if (
        path.suffix in SEPARATORS
    ):  # a table of gigabytes is read at every call only where it has that column
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            if PICTURE_PATHS not in file.readline():
                return
    for row in rows_of_text(path):
        for name in paths_in(str(row.get(PICTURE_PATHS) or "")):
            yield path.parent / name


def rows_of_text(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the readable rows of a .tsv, .csv or .jsonl file, and none of a file of another kind."""
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        if path.suffix in SEPARATORS:
            csv.field_size_limit(LONGEST_CELL)
            rows = csv.DictReader(file, delimiter=SEPARATORS[path.suffix])
            while True:
                try:
                    row = next(rows, None)
                except csv.Error:  # the stage reports the row
                    continue
                if row is None:
                    return
                yield row
        elif path.suffix == ".jsonl":
            for line in file:
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict):
                    yield row


def paths_in(text: str) -> list[str]:
    """Return the paths in a cell, which has one path or a list in the syntax of JSON or Python."""
    if not text.strip().startswith("["):
        return [text.strip()] if text.strip() else []
    try:
        found = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(each) for each in found]


def benchmark_by_hand(filename: str) -> Path | None:
    """Return a file that the user put into the folder named by the variable R1V3_BENCHMARKS, or None."""
    folder = os.environ.get(BENCHMARKS_BY_HAND)
    if not folder:
        return None
    places = (Path(folder) / filename, Path(folder) / Path(filename).name)
    return next((place for place in places if place.is_file()), None)


def _content(path: Path, cache: Path) -> str:
    if path.is_file():
        return file_sha256(path, cache)
    files = sorted(each for each in path.rglob("*") if each.is_file())
    digests = files_sha256(files, cache)
    lines = [f"{each.relative_to(path).as_posix()} {digests[each]}" for each in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
