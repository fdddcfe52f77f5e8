"""Provides a source's files on this disk: downloads them with resume and checks, or finds the user's copy."""

import fnmatch
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from r1v3.base.download import download, file_digest
from r1v3.data.picture_files import is_archive
from r1v3.data.sources.rows import READABLE
from r1v3.recipe.tables.sources import Files, Hub, suffixes

BY_HAND = "R1V3_DATA"


def fetch(where: Hub | Files, folder: Path) -> tuple[list[Path], dict[str, str]]:
    """Return a source's files, in order, and the sha256 of each.

    A Hugging Face data set may also be in a folder that the variable R1V3_DATA names, as
    `<owner>/<name>/<file>`. Then nothing is downloaded.

    Raises:
        ValueError: a file cannot be fetched, or differs from the published one.
    """
    if isinstance(where, Hub):
        return _from_hub(where, folder)
    return _from_places(where, folder)


def _from_hub(where: Hub, folder: Path) -> tuple[list[Path], dict[str, str]]:
    by_hand = os.environ.get(BY_HAND)
    if by_hand and (Path(by_hand) / where.id).is_dir():
        root = Path(by_hand) / where.id
        names = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        files = [root / name for name in _matching(names, where)]
        return files, {file.name: file_digest(file, "sha256") for file in files}
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import (
        HTTPError,  # pyright: ignore[reportPrivateImportUsage] - of whichever library it asks with
    )

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        info = api.dataset_info(where.id, revision=where.revision, files_metadata=True)
        stated = {each.rfilename: each for each in info.siblings or ()}
        files: list[Path] = []
        found: dict[str, str] = {}
        for name in _matching(sorted(stated), where):
            path = Path(
                hf_hub_download(
                    where.id,
                    name,
                    repo_type="dataset",
                    revision=info.sha,
                    local_dir=folder,
                    endpoint=os.environ.get("HF_ENDPOINT"),
                )
            )
            found[name] = file_digest(path, "sha256")
            lfs = stated[name].lfs
            if lfs is not None and lfs.sha256 != found[name]:
                path.unlink()
                raise ValueError(
                    f"{where.id}: {name} has sha256 {found[name]}, but the hub states {lfs.sha256}"
                )
            files.append(path)
    except (HTTPError, OSError) as error:
        raise ValueError(
            f"{where.id} at {where.revision} cannot be fetched ({error}). Put its files into a folder as "
            f"{where.id}/<file>, and name that folder in the variable {BY_HAND}"
        ) from error
    assert info.sha is not None  # the hub names the commit of its answer
    return files, {"commit": info.sha, **found}


def _matching(names: list[str], where: Hub) -> list[str]:
    chosen = []
    for pattern in where.files:
        found = fnmatch.filter(names, pattern)
        if not found:
            raise ValueError(
                f"{where.id} at {where.revision}: no file {pattern}; it has {', '.join(names[:20])}"
            )
        chosen += [name for name in found if name not in chosen]
    return chosen


def _in_folder(folder: Path) -> list[Path]:
    """Return the row files and archives in a folder that an entry names.

    Raises:
        ValueError: the folder contains no row file, or one of its subfolders contains some. Nothing says
            whether those belong to the set, so they are neither read nor silently left out.
    """
    found = sorted(p for p in folder.iterdir() if suffixes(p) in READABLE or is_archive(p))
    below = sorted(
        p
        for p in folder.glob("*/**/*")
        if suffixes(p) in READABLE
        and not any(part.startswith((".", "__")) for part in p.relative_to(folder).parts)
    )
    if below:
        raise ValueError(
            f"{folder}: {below[0].relative_to(folder)} lies in a folder inside it; list the files that"
            " belong to the set under `where`"
        )
    if not any(suffixes(p) in READABLE for p in found):
        raise ValueError(f"{folder}: no file that ends in {', '.join(READABLE)}")
    return found


def _from_places(where: Files, folder: Path) -> tuple[list[Path], dict[str, str]]:
    files: list[Path] = []
    for place in where.places:
        if urlsplit(place).scheme in ("http", "https"):
            path = folder / unquote(urlsplit(place).path).rpartition("/")[2]
            if not path.exists():
                try:
                    download(place, path)
                except OSError as error:
                    raise ValueError(f"{place} cannot be fetched ({error})") from error
            files.append(path)
        elif Path(place).is_dir():
            files += _in_folder(Path(place))
        elif Path(place).is_file():
            files.append(Path(place))
        else:
            raise ValueError(f"{place}: no such file or folder; supply this file yourself")
    found = {}
    for path in files:
        digest = found[path.name] = file_digest(path, "sha256")
        wanted = where.sha256.get(path.name)
        if wanted not in (None, digest):
            if path.is_relative_to(folder):
                path.unlink()
            raise ValueError(f"{path.name} has sha256 {digest}, but the entry says {wanted}")
    return files, found
