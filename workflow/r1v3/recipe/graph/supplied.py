"""What the user's own files hold, so that a changed file makes another result.

A file counts by the sha256 of its content, a folder by those of the files in it. Digests are read from a
cache while inode, size and times of a file stand (`r1v3.base.file_hash`). What is not there counts for
nothing yet: the stage that needs it says so.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from r1v3.base.file_hash import CACHE, file_sha256, files_sha256
from r1v3.recipe.tables.benchmarks import HubSource, Source, UrlSource
from r1v3.recipe.tables.sources import Files, Hub

HUB = "https://huggingface.co"
BENCHMARKS_BY_HAND = "R1V3_BENCHMARKS"


def content_of_places(where: Hub | Files, root: Path) -> dict[str, str]:
    """The sha256 of each local file or folder of a source, by its place."""
    if isinstance(where, Hub):
        return {}
    found: dict[str, str] = {}
    for place in where.places:
        path = root / place
        if urlsplit(place).scheme in ("http", "https") or not path.exists():
            continue
        found[place] = _content(path, root / "results" / CACHE)
    return found


def content_by_hand(name: str, source: Source, root: Path) -> dict[str, str]:
    """The sha256 of each file of a benchmark that the user supplies, unless a published checksum holds it."""
    if not isinstance(source, UrlSource | HubSource) or source.md5 is None:
        cache = root / "results" / CACHE
        found = {
            filename: benchmark_by_hand(filename) for filename, _ in benchmark_files(name, source)
        }
        return {filename: file_sha256(path, cache) for filename, path in found.items() if path}
    return {}


def benchmark_files(name: str, source: Source) -> Iterator[tuple[str, str | None]]:
    """The files of a benchmark's source: a name to look for, and a URL where there is one."""
    if isinstance(source, UrlSource):
        yield source.url.rsplit("/", 1)[-1], source.url
    elif isinstance(source, HubSource):
        host = os.environ.get("HF_ENDPOINT", HUB)
        for file in source.files:
            url = f"{host}/datasets/{source.id}/resolve/{source.revision}/{file}"
            yield f"{source.id}/{file}", url
    else:
        yield f"{name}.tsv", None


def benchmark_by_hand(filename: str) -> Path | None:
    """A file that the user put into the folder that the variable R1V3_BENCHMARKS names."""
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
