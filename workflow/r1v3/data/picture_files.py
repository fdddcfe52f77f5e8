"""Finds the pictures of a source: in its folder, in archives among its files, or at URLs.

A path is looked up as it is written, then by its base name, because archives are often packed from another
folder than the one that the rows name. Several files may share a base name. Then the only file with most of
the path's folders is chosen; if no file has any of them, the base name is ambiguous. Last, names are compared
without case, with `%20` as a blank and with composed accents, because systems write them differently. Nothing
is ever unpacked to a path that an archive names. Members are read by their position.
"""

import gzip
import hashlib
import os
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Union
from urllib.parse import unquote

import httpx

from r1v3.data.fields import Rejected

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
MOST_UNPACKED = 100  # limit as a multiple of a packed archive's size; above it is a bomb
SECONDS = 20.0  # time limit of a picture at a URL
TRIES = 2
MOST_FAILURES = 20  # consecutive failures after which a host is not asked again
SYSTEM = "__MACOSX/"  # folder that macOS adds to archives; it contains no pictures


Holder = Union[Path, "ZipMembers", "TarMembers"]
Found = tuple[str, Holder]  # a path inside a folder or archive, and its holder


class PictureFiles:
    """Reads the pictures of a source by the names in its rows.

    Args:
        folder: the folder that paths are relative to, or None.
        archives: files with an ending of ARCHIVES.
        scratch: a folder for unpacked or fetched files.
    """

    def __init__(self, folder: Path | None, archives: Iterable[Path] = (), *, scratch: Path):
        self.folder = None if folder is None else Path(os.path.realpath(folder))
        self.scratch, self._paths = scratch, list(archives)
        self._by_name: tuple[dict[str, list[Found]], dict[str, list[Found]]] | None = None
        self._failed: dict[str, int] = {}

    @cached_property
    def _archives(self) -> list["ZipMembers | TarMembers"]:
        """Open the archives when the first path is not a file of the folder."""
        return [
            ZipMembers(each) if zipfile.is_zipfile(each) else TarMembers(each, self.scratch)
            for each in self._paths
        ]

    @cached_property
    def _client(self) -> httpx.Client:
        """Return a client that keeps connections open between pictures."""
        return httpx.Client(follow_redirects=True, timeout=SECONDS)

    def close(self) -> None:
        """Close the archives and the connections."""
        for archive in self.__dict__.get("_archives", ()):
            archive.close()
        if "_client" in self.__dict__:
            self._client.close()

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return the bytes of a picture.

        Raises:
            Rejected: the name leads out of the source, also through a link; or it names no plain file,
                several files, or a file that is too large.
            ValueError: an archive is damaged, or far larger when unpacked.
        """
        try:
            name.encode()
        except UnicodeEncodeError:
            raise Rejected("not valid Unicode", "a picture's name") from None
        if name.startswith(("http://", "https://")):
            return self._fetched(name, max_bytes)
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if "\0" in name or not parts or ".." in parts or name.startswith(("/", "\\", "~")):
            raise Rejected("path leads out of the source", repr(name[:200]))
        place = "/".join(parts)
        if self.folder is not None:
            path = Path(os.path.realpath(self.folder.joinpath(*parts)))
            if not path.is_relative_to(self.folder):
                raise Rejected("path leads out of the source", repr(name[:200]))
            if os.path.lexists(path):
                return _file(path, name, max_bytes)
        for archive in self._archives:
            if place in archive.members:
                return archive.read(place, max_bytes)
        return self._by_base_name(place, name, max_bytes)

    def _by_base_name(self, place: str, name: str, max_bytes: int) -> bytes:
        if self._by_name is None:
            self._by_name = self._index()
        exact, loose = self._by_name
        base = place.rpartition("/")[2]
        found = exact.get(base) or [*loose.get(_loose(base), ()), *exact.get(_loose(base), ())]
        if len(found) > 1:
            found = _closest(found, place)
        if len(found) > 1:
            raise Rejected("picture is not the only one of its name", repr(name[:200]))
        for inside, holder in found:
            if isinstance(holder, Path):
                return _file(holder, name, max_bytes)
            return holder.read(inside, max_bytes)
        inner = [each for archive in self._archives for each in archive.members if _nested(each)]
        if inner:
            raise Rejected(
                "picture is missing",
                f"{name[:100]!r}; archives in archives, as {inner[0][-80:]}, are not opened",
            )
        if self.folder is None and not self._archives:
            raise Rejected("picture is missing", "the source has no folder of pictures")
        raise Rejected("picture is missing", repr(name[:200]))

    def _index(self) -> tuple[dict[str, list[Found]], dict[str, list[Found]]]:
        """Index the files by base name, with and without ending: once exactly, once as `_loose` writes it."""
        exact: dict[str, list[Found]] = {}
        loose: dict[str, list[Found]] = {}

        def note(place: str, holder: "Holder") -> None:
            base = place.rpartition("/")[2]
            for each in {base, base.rpartition(".")[0] or base}:
                exact.setdefault(each, []).append((place, holder))
                if _loose(each) != each:
                    loose.setdefault(_loose(each), []).append((place, holder))

        for archive in self._archives:
            for member in archive.members:
                note(member, archive)
        if self.folder is None:
            return exact, loose
        for root, folders, files in os.walk(self.folder):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for each in sorted(files):
                path = Path(root, each)
                if stat.S_ISREG(os.lstat(path).st_mode):
                    note(path.relative_to(self.folder).as_posix(), path)
        return exact, loose

    def _fetched(self, url: str, max_bytes: int) -> bytes:
        """Fetch a picture from the network and store it until the set is made.

        A host that fails many times in a row is not asked again, so that a dead host costs minutes and not
        days.
        """
        kept = self.scratch / "pictures" / hashlib.sha256(url.encode()).hexdigest()
        if kept.exists():
            return kept.read_bytes()
        try:
            host = httpx.URL(url).host
        except httpx.InvalidURL as error:
            raise Rejected("picture cannot be fetched", f"{url[:200]}: {error}") from None
        if self._failed.get(host, 0) >= MOST_FAILURES:
            raise Rejected("picture cannot be fetched", f"{host} failed {MOST_FAILURES} times")
        problem = ""
        for _ in range(TRIES):
            try:
                data = _get(self._client, url, max_bytes)
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                problem = f"{type(error).__name__}: {error}"[:200]
                continue
            self._failed[host] = 0
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(data)
            return data
        self._failed[host] = self._failed.get(host, 0) + 1
        raise Rejected("picture cannot be fetched", f"{url[:200]}: {problem}")


class ZipMembers:
    """The plain files of a zip file."""

    def __init__(self, path: Path):
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{path.name} is damaged: {error}") from None
        self.members = {
            _tidy(each.filename): each
            for each in self._zip.infolist()
            if not each.is_dir() and _is_plain(each) and not _is_system(each.filename)
        }

    def read(self, name: str, max_bytes: int) -> bytes:
        found = self.members[name]
        if found.file_size > max_bytes:
            raise Rejected("picture file is too large", f"{found.file_size:,} bytes")
        try:
            with self._zip.open(found) as member:
                return member.read(max_bytes + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            EOFError,
        ) as error:
            raise Rejected("picture is damaged", str(error)[:200]) from None

    def close(self) -> None:
        self._zip.close()


class TarMembers:
    """The plain files of a tar file. A compressed one is unpacked first, to allow random access."""

    def __init__(self, path: Path, scratch: Path):
        if not tarfile.is_tarfile(path):
            raise ValueError(f"{path.name} is damaged, or no archive of a known kind")
        self._path = _unpacked(path, scratch)
        try:
            self._tar = tarfile.open(self._path, "r:")  # noqa: SIM115 closed by `close`
            self.members = {
                _tidy(each.name): each
                for each in self._tar
                if each.isreg() and not _is_system(each.name)
            }
        except tarfile.TarError as error:
            raise ValueError(f"{path.name} is damaged: {error}") from None

    def read(self, name: str, max_bytes: int) -> bytes:
        found = self.members[name]
        if found.size > max_bytes:
            raise Rejected("picture file is too large", f"{found.size:,} bytes")
        try:
            member = self._tar.extractfile(found)
            assert member is not None  # members are plain files
            with member:
                return member.read()
        except (tarfile.TarError, OSError) as error:
            raise Rejected("picture is damaged", str(error)[:200]) from None

    def close(self) -> None:
        self._tar.close()


def _loose(name: str) -> str:
    """Return a name in lower case, with `%20` as a blank and with composed accents."""
    return unicodedata.normalize("NFC", unquote(name)).casefold()


def _closest(found: list[Found], place: str) -> list[Found]:
    """Return the files whose folders agree most with a path's, from the right; all if none agree."""
    wanted = [_loose(each) for each in place.split("/")[:-1]]

    def shared(inside: str) -> int:
        have = [_loose(each) for each in inside.split("/")[:-1]]
        pairs = zip(reversed(wanted), reversed(have), strict=False)
        return next((n for n, (one, other) in enumerate(pairs) if one != other),
                    min(len(wanted), len(have)))  # fmt: skip

    most = max(shared(inside) for inside, _ in found)
    return [each for each in found if shared(each[0]) == most] if most else found


def _nested(member: str) -> bool:
    return member.lower().endswith(ARCHIVES)


def is_archive(path: Path) -> bool:
    """Return whether a file's name is that of an archive of pictures."""
    return path.name.lower().endswith(ARCHIVES)


def _unpacked(path: Path, scratch: Path) -> Path:
    with open(path, "rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path
    scratch.mkdir(parents=True, exist_ok=True)
    place = hashlib.sha256(str(path).encode()).hexdigest()[:16]  # two folders may use one name
    plain = scratch / f"{place}-{path.name}.unpacked"
    most = MOST_UNPACKED * path.stat().st_size + (1 << 20)
    try:
        with gzip.open(path) as packed, open(plain, "wb") as out:
            while block := packed.read(1 << 20):
                out.write(block)
                if out.tell() > most:
                    raise ValueError(f"{path.name} unpacks to more than {most:,} bytes")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None
    return plain


def _is_system(name: str) -> bool:
    """Return whether a member is one that macOS adds beside each file."""
    return name.startswith(SYSTEM) or name.rpartition("/")[2].startswith("._")


def _tidy(name: str) -> str:
    return "/".join(PurePosixPath(name.replace("\\", "/")).parts)


def _is_plain(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is not a link. Zip files of some systems do not say."""
    mode = member.external_attr >> 16
    return not mode or stat.S_IFMT(mode) in (0, stat.S_IFREG)


def _file(path: Path, name: str, max_bytes: int) -> bytes:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise Rejected("picture is missing", f"{name[:200]!r} is no file")
    if found.st_size > max_bytes:
        raise Rejected("picture file is too large", f"{found.st_size:,} bytes")
    return path.read_bytes()


def _get(client: httpx.Client, url: str, max_bytes: int) -> bytes:
    with client.stream("GET", url) as answer:
        answer.raise_for_status()
        data = bytearray()
        for block in answer.iter_bytes():
            data += block
            if len(data) > max_bytes:
                raise Rejected("picture file is too large", f"more than {max_bytes:,} bytes")
        return bytes(data)
