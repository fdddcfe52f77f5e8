"""Checks files against their manifest, so that a flipped bit does not become a score.

A stage checks its inputs once, before it begins. It does not read a file again whose inode, size and times
are the same as at an earlier check (`r1v3.base.file_hash`). `r1v3 verify` reads every file.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from r1v3.base.file_hash import CACHE, files_sha256
from r1v3.recipe.outputs.manifest import REMEDY, SHA256, read_manifest

IMAGES = "images"  # a folder of pictures; each is named by its own sha256, and is in no manifest
RUNS = ("model", "sft", "grpo")  # kinds of folder of which only the checkpoint in use is checked
# Files that later stages and people add to the folder of answers, and the file that DVC adds to each folder.
LATER = ("scores.json", "verdicts", "judge", "marks", "pages", "data.dvc")
OWN_CHECK = ("config.json", *LATER)  # checked by its hash; older manifests name later files
TIMED = ("metrics.jsonl",)  # a run's file that has durations; no later stage reads it
SHOWN = 5


class Changed(ValueError):
    """Files differ from what their manifest says."""


def check_inputs(manifests: Iterable[Path | None]) -> dict[str, str]:
    """Check the inputs of a stage. Of several processes, the first one checks.

    `checkpoint_folder` checks runs: only the checkpoint that is used.

    Returns:
        The digest of the files of each input, by the name of its folder.

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
    """Check the files that a manifest names, and the pictures beside it.

    Args:
        below: check only the files in this folder, a path relative to the manifest's folder.

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
    """Yield each file that differs from the manifest, with what is wrong: `gone`, `changed`, `unreadable`."""
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
    """Return one digest of all files of a manifest, by which an input that was made again is recognised.

    Args:
        files: the sha256 of each file.
        timed: include files that have durations, as earlier versions did.
    """
    lines = [
        f"{digest}  {name}\n"
        for name, digest in sorted(files.items())
        if timed or name not in TIMED
    ]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def are_the_same(recorded: object, manifests: Iterable[Path | None]) -> bool:
    """Return whether a stage's inputs have the digests that this version or an earlier one recorded."""
    files = {
        path.parent.name: read_manifest(path)["files"] for path in manifests if path is not None
    }
    return any(
        recorded == {name: manifest_digest(named, timed=timed) for name, named in files.items()}
        for timed in (False, True)
    )


def _pictures(folder: Path) -> Iterator[Path]:
    """Yield pictures named by their sha256, from folders named by its first digits."""
    if not folder.is_dir():
        return
    for part in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if part.is_dir():
            for entry in os.scandir(part.path):
                if SHA256.fullmatch(entry.name.partition(".")[0]):
                    yield Path(entry.path)


def _digests(paths: list[Path], cache: Path | None) -> tuple[dict[Path, str], dict[Path, OSError]]:
    """Return the digest of each readable file, and the error of each other file."""
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
    """Return whether the file itself differs, and not only its digest in the cache."""
    return cache is None or files_sha256([path])[path] != wanted
