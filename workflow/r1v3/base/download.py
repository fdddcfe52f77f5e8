"""Downloads files. A download continues where it stopped, and is checked when it is complete."""

import hashlib
import re
from pathlib import Path

import httpx

SECONDS = 60.0  # most seconds without a byte


def download(url: str, path: Path) -> None:
    """Download to `path`, continuing an earlier part of the same version of the file.

    The version is the server's strong ETag, or else its modification date (RFC 9110, section 13.1.5). If the
    server gives neither, or the file has changed meanwhile, the download starts again.

    Raises:
        OSError: the server cannot be reached, refuses, or sends less than it announced. The part that came is
            kept for the next attempt.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, version = (path.with_name(path.name + end) for end in (".part", ".part.version"))
    # Compressed responses have other lengths than the file.
    headers = {"Accept-Encoding": "identity"}
    try:
        with httpx.Client(follow_redirects=True, timeout=SECONDS, headers=headers) as client:
            if not _fetch(client, url, partial, version):
                partial.unlink(missing_ok=True)
                if not _fetch(client, url, partial, version):
                    raise OSError(
                        "the server sends a part of the file, though all of it was asked for"
                    )
    except httpx.HTTPError as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    partial.replace(path)
    version.unlink(missing_ok=True)


def _fetch(client: httpx.Client, url: str, partial: Path, version: Path) -> bool:
    """Fetch the missing part; return False if the present part, or the sent one, is not of this file."""
    known = _noted(version)
    have = partial.stat().st_size if partial.exists() and known else 0
    headers = {"Range": f"bytes={have}-", "If-Range": known} if have else {}
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code == 416 and have:
            # Nothing follows the present part: it is complete, or longer than the file.
            found = re.fullmatch(r"bytes \*/(\d+)", answer.headers.get("Content-Range", ""))
            return found is not None and int(found[1]) == have
        if answer.is_error:
            raise OSError(f"HTTP status {answer.status_code} {answer.reason_phrase}".rstrip())
        continued = answer.status_code == 206
        if continued and _began_at(answer) != have:
            return False  # the sent bytes do not follow the present ones
        packed = answer.headers.get("Content-Encoding", "identity")
        if packed != "identity":
            raise OSError(f"the server sends {packed}, though the file itself was asked for")
        announced = answer.headers.get("Content-Length")
        total = int(announced) + (have if continued else 0) if announced else None
        if not continued:
            _note_version(answer, version)
        cut = None
        with open(partial, "ab" if continued else "wb") as file:
            try:
                for block in answer.iter_raw():
                    file.write(block)
            except httpx.TransportError as error:
                cut = error
    size = partial.stat().st_size
    if total is not None and size < total:
        raise OSError(f"{size} of {total} bytes came; run it again to continue")
    if cut:
        raise cut
    return True


def _began_at(answer: httpx.Response) -> int | None:
    """Return where the sent part of the file begins, as the server says (RFC 9110, section 14.4)."""
    said = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(said[1]) if said else None


def _noted(version: Path) -> str:
    """Return the version of the present part; empty if it is unknown, or its note is damaged."""
    noted = version.read_bytes() if version.exists() else b""
    return noted.decode() if re.fullmatch(rb"[\x20-\x7e]+", noted) else ""


def _note_version(answer: httpx.Response, version: Path) -> None:
    tag = answer.headers.get("ETag", "")
    known = tag if tag.startswith('"') else answer.headers.get("Last-Modified")
    if known:
        version.write_text(known)
    else:
        version.unlink(missing_ok=True)


def file_digest(path: Path, algorithm: str) -> str:
    """Return the checksum of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()
