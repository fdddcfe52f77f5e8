"""Obtains a benchmark's TSV: a miniature, a checked and resumable download, or the user's file.

If a benchmark cannot be obtained, the others are still asked. `.missing.json` is then at the place of its TSV
and has the reason. `r1v3 evaluate` tries again at each call. In the workflow, only a file of the user's can
be missing, because supplying or repairing it changes the folder's name. A failed download fails its job.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from r1v3.base.atomic_write import atomic_write, write_text
from r1v3.base.download import download, file_digest
from r1v3.evaluate.items.convert import to_tsv
from r1v3.evaluate.items.encoding import recode
from r1v3.evaluate.items.file_rows import is_published_form, refuse_another
from r1v3.evaluate.items.item import Item
from r1v3.evaluate.items.load import MISSING_FILE, ROW_ERRORS
from r1v3.evaluate.items.origin import note_origin
from r1v3.evaluate.items.rows import UnreadableFileError
from r1v3.evaluate.miniature.write import write_miniature
from r1v3.recipe.graph.configs import BenchmarkConfig, MiniatureFile, PublishedFile
from r1v3.recipe.graph.supplied import (
    BENCHMARKS_BY_HAND,
    benchmark_by_hand,
    benchmark_files,
    is_url,
)
from r1v3.recipe.outputs.stage import read_config
from r1v3.recipe.tables.benchmarks import Benchmark, HubSource, OwnFile, Source, UserSource

CHECKOUT = Path()


def obtain_or_report(
    config: BenchmarkConfig, folder: Path, root: Path = CHECKOUT
) -> dict[str, str]:
    """Call `obtain_benchmark`. If it fails, report and record the reason without an error."""
    try:
        return obtain_benchmark(config, folder, root)
    except (*ROW_ERRORS, OSError) as error:
        reason = json.dumps({"reason": str(error)}, ensure_ascii=False)
        write_text(folder / MISSING_FILE, f"{reason}\n")
        print(f"{config.benchmark} is missing: {error}", file=sys.stderr, flush=True)
        return {"made_from": config.file.made_from, "missing": str(error)}


def obtain_in_workflow(config: BenchmarkConfig, folder: Path) -> dict[str, str]:
    """Call `obtain_or_report` if the user supplies the file, else `obtain_benchmark`.

    Snakemake repeats a failed job. It does not repeat one that recorded a missing file, unless its folder's
    name changes.

    Raises:
        ValueError: a published file cannot be obtained.
    """
    file = config.file
    users = isinstance(file, PublishedFile) and (
        file.content or file.source.kind in ("user", "own")
    )
    return (obtain_or_report if users else obtain_benchmark)(config, folder)


def obtain_benchmark(
    config: BenchmarkConfig, folder: Path, root: Path = CHECKOUT
) -> dict[str, str]:
    """Put `<benchmark>.tsv` into the folder, and return what it is.

    Args:
        root: root of the checkout, to which paths of the user's own files are relative.

    Raises:
        ValueError: the file cannot be obtained, is not the published one, or is unreadable. The message says
            where to put it by hand.
    """
    name, file = config.benchmark, config.file
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.tsv"
    if isinstance(file, MiniatureFile):
        write_miniature(name, file, config.seed, path)
    elif not path.exists():
        obtain_file(name, file.source, path, root)
    (folder / MISSING_FILE).unlink(missing_ok=True)
    return {"made_from": file.made_from, "md5": file_md5(path)}


def is_miniature(tsv: Path) -> bool:
    """Return whether a TSV of `obtain_benchmark` is a miniature, by the `config.json` beside it."""
    config = read_config(tsv.parent / "config.json", BenchmarkConfig)
    return isinstance(config.file, MiniatureFile)


def warn_of_count(name: str, entry: Benchmark, items: list[Item]) -> None:
    """Warn if a published file has another number of items than its authors state."""
    counted = (len(items), len({item.cluster for item in items}))
    if entry.items_confirmed and entry.items not in counted:
        print(f"{name}: {len(items)} items, but {entry.items} were published", file=sys.stderr)


def obtain_file(name: str, source: Source, path: Path, root: Path = CHECKOUT) -> None:
    """Copy or download the real file, check it, and convert it to the TSV at `path`."""
    if isinstance(source, OwnFile) and not is_url(source.place):
        own = root / source.place
        if not own.is_file():
            raise ValueError(
                f"{source.place} is not there: put it there, or correct `file` of {name} in"
                " config/benchmarks.yaml"
            )
        _own_to_tsv(own, own, source, path)
        return
    wanted = list(benchmark_files(name, source))
    parts = []
    for filename, url in wanted:
        found = benchmark_by_hand(filename)
        if found is None:
            part = path.parent / "downloads" / filename
            if url is None:
                raise ValueError(_where_to_put(name, source, filename))
            try:
                download(url, part)
            except OSError as error:
                message = _where_to_put(name, source, filename)
                raise ValueError(f"{url} cannot be had ({error}). {message}") from error
            found = part
        parts.append(found)
    _check(name, source, parts)
    if isinstance(source, OwnFile):
        _own_to_tsv(parts[0], Path(source.place), source, path)
    elif len(parts) == 1 and not _renames(source) and _is_ready(source, parts[0]):
        with atomic_write(path) as partial:
            shutil.copyfile(parts[0], partial)
        if "downloads" not in parts[0].parts:  # the TSV is an exact copy of the user's file
            note_origin(path, parts, [])
    else:
        users = parts[0].parent if isinstance(source, UserSource) else None
        to_tsv(parts, _renames(source), path, pictures=users)
    shutil.rmtree(path.parent / "downloads", ignore_errors=True)


def _is_ready(source: Source, file: Path) -> bool:
    """Return whether a file is the published TSV itself, or needs no conversion either."""
    checked = getattr(source, "md5", None) is not None
    return file.suffix == ".tsv" and (checked or is_published_form(file))


def _own_to_tsv(file: Path, named: Path, source: OwnFile, path: Path) -> None:
    """Convert a user's file to the TSV, from a UTF-8 copy if the entry names an encoding."""
    if source.encoding is None:
        to_tsv([file], {}, path, pictures=file.parent, names_of=[named])
        return
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        copy = Path(folder) / file.name
        recode(file, source.encoding, copy)
        to_tsv([copy], {}, path, pictures=file.parent, names_of=[named])


def file_md5(path: Path) -> str:
    """Return the md5 of a file, which is the checksum that benchmarks publish."""
    return file_digest(path, "md5")


def _renames(source: Source) -> dict[str, str]:
    return source.columns if isinstance(source, HubSource) else {}


def _check(name: str, source: Source, parts: list[Path]) -> None:
    try:
        for part in parts:
            refuse_another(part)
        expected = getattr(source, "md5", None)
        found = expected and file_md5(parts[0])
        if found != expected:
            raise UnreadableFileError(
                f"{parts[0]} has md5 {found}, but {expected} was published: it is another"
                " version, or damaged. For a file of your own, set the entry's `md5` to null"
            )
    except UnreadableFileError as error:
        for part in parts:
            if "downloads" in part.parts:
                part.unlink(missing_ok=True)
        raise UnreadableFileError(f"{name}: {error}") from None


def _where_to_put(name: str, source: Source, filename: str) -> str:
    what = getattr(source, "describe", None)
    described = f" It is {what}." if what else ""
    return (
        f"Put the file of {name} by hand as {filename} into a folder and name that"
        f" folder in the variable {BENCHMARKS_BY_HAND}.{described}"
    )
