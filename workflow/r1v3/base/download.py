"""Downloads that continue where they stopped and are checked when they are whole."""

import hashlib
import shutil
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

BLOCK = 1 << 20


def download(url: str, path: Path) -> None:
    """Download to `path`; a part of it that is there already is continued, not fetched again.

    Raises:
        OSError: the server gives less than it announced; what came is kept for the next try.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    have = partial.stat().st_size if partial.exists() else 0
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urlopen(request, timeout=60)
    except HTTPError as error:
        if error.code == 416 and have:
            partial.replace(path)
            return
        raise
    with answer:
        continued = answer.status == 206
        announced = answer.headers.get("Content-Length")
        total = int(announced) + (have if continued else 0) if announced else None
        with open(partial, "ab" if continued else "wb") as file:
            shutil.copyfileobj(answer, file, BLOCK)
    size = partial.stat().st_size
    if total is not None and size < total:
        raise OSError(f"{size} of {total} bytes came; run it again to continue")
    partial.replace(path)


def file_digest(path: Path, algorithm: str) -> str:
    """The checksum of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()
