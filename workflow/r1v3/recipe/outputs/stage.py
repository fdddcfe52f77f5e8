"""Runs one stage in its folder: read the config, do the work once, vouch for what came out."""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TextIO, TypeVar

from pydantic import ValidationError

from r1v3.base.atomic_write import atomic_write
from r1v3.base.determinism import make_exact
from r1v3.recipe.graph.configs import ShownConfig, StageConfig
from r1v3.recipe.outputs.environment import begin_or_resume
from r1v3.recipe.outputs.manifest import write_manifest

Config = TypeVar("Config", bound=StageConfig)

# Neither results nor bytes to keep: what a resume needs, what is still being written, what Snakemake
# writes. Pictures are named by their own sha256, and so need no second one.
UNVOUCHED = ("resume", "images")
LOGS = ("log.txt", "benchmark.tsv")  # and *.log
HALF_DONE = ("resume", "responses")  # what an interrupted stage leaves to go on from


def read_config(path: Path, kind: type[Config]) -> Config:
    """The resolved config of a stage, as the settings that were validated when it was written.

    Raises:
        ValueError: the file holds something else; the message names the file and each key.
    """
    document = json.loads(Path(path).read_text(encoding="utf-8"))["document"]
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise ValueError(f"{path}: {error}") from None


def run_stage(
    config_path: Path,
    manifest: Path,
    work: Callable[[Config, Path], dict[str, Any]],
    kind: type[Config],
) -> None:
    """Call `work(config, folder)` and write the manifest with the facts that it returns.

    Only then what an unfinished run resumes from is removed: hashing a large run's checkpoints takes minutes,
    and a run that is killed in them would begin again.

    A process that outlived its Snakemake may still be at the same work; then this one waits for it,
    and does nothing if the manifest is there afterwards. Of several ranks, rank 0 writes.
    """
    config = json.loads(Path(config_path).read_text())
    with alone(manifest) as finished:
        if finished:
            return
        began = time.monotonic()
        first, before = _is_first_rank(), []
        if first:
            print(f"{config['kind']} {config['name']}-{config['hash']}: starting", flush=True)
            own_files(manifest.parent)
            half_done = any((manifest.parent / name).exists() for name in HALF_DONE)
            before = begin_or_resume(manifest.parent, half_done)
        resolved = read_config(config_path, kind)
        if isinstance(resolved, ShownConfig) and resolved.determinism == "exact":
            make_exact()
        facts = work(resolved, manifest.parent)
        if not first:
            return
        write_manifest(
            manifest,
            config=config,
            files=vouched(manifest),
            facts=facts,
            environments_before=before,
        )
        shutil.rmtree(manifest.parent / "resume", ignore_errors=True)
        seconds = time.monotonic() - began
        print(f"{config['kind']} {config['name']}-{config['hash']}: {seconds:.1f} s", flush=True)


def own_files(folder: Path) -> None:
    """Replace links by copies: DVC's cache holds the bytes of a finished stage, and writing through a
    link would change them there."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and path.is_file():
            with atomic_write(path) as partial:
                shutil.copyfile(path, partial)


def vouched(manifest: Path) -> list[Path]:
    """The files beside a manifest that are results."""
    folder = manifest.parent
    files = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        log = parts[-1] in LOGS or path.suffix == ".log"
        if log or parts[0] in UNVOUCHED or any(part.startswith(".") for part in parts):
            continue
        if path.is_file() and path != manifest:
            files.append(path)
    return files


@contextlib.contextmanager
def alone(output: Path) -> Generator[bool]:
    """Hold the right to write `output`; yields True if another process wrote it while we waited.

    Of several ranks the first takes the lock and writes its launch into it; the others wait for that,
    so that none begins, or waits for the first, where there is nothing left to do.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    launch = os.environ.get("TORCHELASTIC_RUN_ID", str(os.getpid()))
    with open(output.with_name(f".{output.name}.lock"), "a+") as lock:
        if not _is_first_rank():
            yield _told_by_first_rank(lock, launch) == "finished"
            return
        waited = False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = True
            print(f"{output.parent}: another process is still at it; waiting", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        finished = waited and output.exists()
        lock.truncate(0)
        lock.write(f"{launch} {'finished' if finished else 'begins'}")
        lock.flush()
        yield finished


def _told_by_first_rank(lock: TextIO, launch: str) -> str:
    while True:
        lock.seek(0)
        words = lock.read().split()
        if len(words) == 2 and words[0] == launch:
            return words[1]
        time.sleep(0.05)


def _is_first_rank() -> bool:
    return os.environ.get("RANK", "0") == "0"


def folders(ids: dict[str, str], manifests: list[Path]) -> dict[str, Path]:
    """The folder of each name, found among manifests by its id."""
    by_id = {manifest.parent.name: manifest.parent for manifest in manifests}
    return {name: by_id[id] for name, id in ids.items()}


def tables(ids: dict[str, str], manifests: list[Path]) -> dict[str, Path]:
    """The TSV file of each benchmark, found among manifests by its id."""
    found = folders(ids, manifests)
    return {name: folder / f"{name}.tsv" for name, folder in found.items()}
