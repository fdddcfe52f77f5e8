"""Whether files are still what their manifest vouches for: a flipped bit must not become a score.

A stage looks at what it reads, once, before it begins; files that it saw before, and whose inode, size and
times stand, are not read again (`r1v3.base.file_hash`). `r1v3 verify` reads every file.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from r1v3.base.file_hash import CACHE, files_sha256
from r1v3.recipe.outputs.manifest import REMEDY, SHA256, read_manifest

IMAGES = "images"  # of a folder; each is named by its own sha256, and in no manifest
RUNS = ("model", "sft", "grpo")  # kinds of folder of which only the checkpoint in use is read
# What later stages and people put into the folder of answers, and what DVC puts into each.
LATER = ("scores.json", "verdicts", "judge", "marks", "pages", "data.dvc")
OWN_CHECK = ("config.json", *LATER)  # by its hash; older manifests name what came later
TIMED = ("metrics.jsonl",)  # of a run: it holds seconds, and no later stage reads it
SHOWN = 5


class Changed(ValueError):
    """Files are not what their manifest vouches for."""


def check_inputs(manifests: Iterable[Path | None]) -> dict[str, str]:
    """Check what a stage reads; of a run, `checkpoint_folder` checks the checkpoint that is used.

    Of several processes the first one checks.

    Returns:
        A digest of the files of each input, by the name of its folder.

    Raises:
        Changed: a file is gone or changed.
    """
    digests: dict[str, str] = {}
    for manifest in manifests:
        if manifest is None:
            continue
        content = read_manifest(manifest)
        if content["kind"] not in RUNS:
            check_files(manifest)
        digests[manifest.parent.name] = manifest_digest(content["files"])
    return digests


def check_files(manifest: Path, below: str = "") -> None:
    """Check the files that a manifest vouches for, and the pictures beside it.

    Args:
        below: only the files in this folder, relative to the manifest's.

    Raises:
        Changed: a file is gone or changed.
    """
    if os.environ.get("RANK", "0") != "0":
        return
    wrong = list(changes(manifest, below))
    if not wrong:
        return
    lines = [f"{path}: {what} since {manifest} vouched for it" for path, what in wrong[:SHOWN]]
    if len(wrong) > SHOWN:
        lines.append(f"and {len(wrong) - SHOWN} more")
    raise Changed(
        "; ".join([*lines, REMEDY.format(folder=manifest.parent, manifest=manifest.name)])
    )


def changes(manifest: Path, below: str = "", *, cached: bool = True) -> Iterator[tuple[Path, str]]:
    """Each file that is not what it was, with what is wrong: `gone`, `changed`, `unreadable`."""
    folder, files = manifest.parent, read_manifest(manifest)["files"]
    wanted = {
        folder / name: digest
        for name, digest in files.items()
        if (not below and name.partition("/")[0] not in OWN_CHECK)
        or (below and name.startswith(f"{below}/"))
    }
    if not below:
        wanted |= {path: path.stem for path in _pictures(folder / IMAGES)}
    cache = folder / CACHE if cached else None
    found, errors = _digests(list(wanted), cache)
    for path, error in errors.items():
        gone = isinstance(error, FileNotFoundError)
        yield path, "gone" if gone else f"unreadable ({error.strerror})"
    for path, digest in found.items():
        if digest != wanted[path] and _really_differs(path, wanted[path], cache):
            yield path, "changed"


def manifest_digest(files: dict[str, str], *, timed: bool = False) -> str:
    """One digest of all that a manifest vouches for, so that an input that is made again is known by it.

    Args:
        files: the sha256 of each file.
        timed: count files that hold times too, as earlier versions did.
    """
    lines = [
        f"{digest}  {name}\n"
        for name, digest in sorted(files.items())
        if timed or name not in TIMED
    ]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def are_the_same(recorded: object, manifests: Iterable[Path | None]) -> bool:
    """Whether a stage's inputs have the digests that it recorded, in this version or an earlier one."""
    files = {
        path.parent.name: read_manifest(path)["files"] for path in manifests if path is not None
    }
    return any(
        recorded == {name: manifest_digest(named, timed=timed) for name, named in files.items()}
        for timed in (False, True)
    )


def _pictures(folder: Path) -> Iterator[Path]:
    """Pictures named by their sha256, in the folders of its first digits."""
    if not folder.is_dir():
        return
    for part in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if part.is_dir():
            for entry in os.scandir(part.path):
                if SHA256.fullmatch(entry.name.partition(".")[0]):
                    yield Path(entry.path)


def _digests(paths: list[Path], cache: Path | None) -> tuple[dict[Path, str], dict[Path, OSError]]:
    """The digest of each file that can be read, and the error of each other."""
    try:
        return files_sha256(paths, cache), {}
    except OSError:  # gone, no permission, a bad sector: find out which
        found: dict[Path, str] = {}
        errors: dict[Path, OSError] = {}
        for path in paths:
            try:
                found |= files_sha256([path], cache)
            except OSError as error:
                errors[path] = error
        return found, errors


def _really_differs(path: Path, wanted: str, cache: Path | None) -> bool:
    """Whether the file differs, not only what the cache remembers of it."""
    return cache is None or files_sha256([path])[path] != wanted
