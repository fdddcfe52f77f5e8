"""Runs one stage in its folder: reads the config, does the work once, and writes the manifest."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, TextIO, TypeVar

from filelock import FileLock
from pydantic import ValidationError

from r1v3.base.atomic_write import atomic_write
from r1v3.base.determinism import make_exact
from r1v3.recipe.graph.configs import ShownConfig, StageConfig
from r1v3.recipe.graph.identity import RESOLVED, hash_of
from r1v3.recipe.outputs.check import LATER, are_the_same, changes, check_inputs
from r1v3.recipe.outputs.code import code_for, rule_of
from r1v3.recipe.outputs.environment import begin_or_resume
from r1v3.recipe.outputs.manifest import read_manifest, write_json, write_manifest

Config = TypeVar("Config", bound=StageConfig)

# Folders that a manifest does not list. The state for resuming is no result. Pictures are named by their
# own sha256, and so need no second one.
UNVOUCHED = ("resume", "images")
LOGS = ("log.txt", "benchmark.tsv")  # and *.log
HASHED = re.compile(r".*-([0-9a-f]{10})")
FORCED = "R1V3_FORCED"  # set in the jobs of a call that forces rules (r1v3.recipe.snakemake)
# A copy of the manifest. Snakemake does not know it, and so never deletes it.
FINISHED_COPY = ".finished.json"
SILENT = 600  # seconds in which the first rank must begin, or say that it waits for another
REMEDY = "delete it, and `snakemake {target}` writes it again; settings are changed in config/"
HALF_DONE = ("resume", "responses")  # folders from which an interrupted stage is resumed


def read_config(path: Path, kind: type[Config]) -> Config:
    """Read the resolved config of a stage, as the model that validated it when it was written.

    Raises:
        ValueError: the file is damaged or was edited; the message names the file and each key.
    """
    try:
        return kind.model_validate(check_config(Path(path))[RESOLVED])
    except ValidationError as error:
        raise ValueError(f"{path}: {error}; {_remedy(path)}") from None


def check_config(path: Path) -> dict[str, Any]:
    """Return the content of `config.json`.

    Raises:
        ValueError: the file is gone or damaged, or its hash does not fit its content or its folder's name.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        hash, found = content["hash"], hash_of(content["kind"], content[RESOLVED])
    except FileNotFoundError:
        raise ValueError(f"{path}: gone; {_remedy(path)}") from None
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: cut or damaged ({error!r}); {_remedy(path)}") from None
    named = HASHED.fullmatch(path.resolve().parent.name)
    if found != hash or (named and named[1] != hash):
        expected = named[1] if named else hash
        raise ValueError(f"{path}: edited; its hash is {found}, not {expected}; {_remedy(path)}")
    return content


def _remedy(path: Path) -> str:
    """Return what to do about a damaged config, as a command in the checkout."""
    parts = Path(path).parts
    at = len(parts) - 1 - parts[::-1].index("results") if "results" in parts else 0
    return REMEDY.format(target=Path(*parts[at:]))


def run_stage(
    config_path: Path,
    manifest: Path,
    work: Callable[[Config, Path], dict[str, Any]],
    kind: type[Config],
    inputs: Iterable[Path | None] = (),
) -> None:
    """Call `work(config, folder)` and write the manifest with the facts that it returns.

    The state for resuming is removed only after that. Hashing a large run's checkpoints takes minutes, and a
    run that is killed meanwhile would otherwise begin again.

    A process of an earlier Snakemake may still do the same work. Then this process waits for it, and does
    nothing if the manifest exists afterwards. A new Snakemake may also have deleted the manifest of a
    finished stage, because it took the file for incomplete. Then a copy that still fits is put back. Of
    several ranks, rank 0 writes.

    Args:
        inputs: manifests of the stage's inputs; None stands for an input that this config does not need.

    Raises:
        ValueError: the config does not fit its hash, or an input differs from its manifest.
    """
    config = check_config(Path(config_path))
    settings = read_config(config_path, kind)
    inputs = list(inputs)
    with alone(manifest, lambda: _take_finished(manifest, config, inputs)) as finished:
        if finished:
            return
        began = time.monotonic()
        first, before = _is_first_rank(), []
        digests: dict[str, str] = {}
        code: dict[str, str] = {}
        if first:
            print(f"{config['kind']} {config['name']}-{config['hash']}: starting", flush=True)
            digests = check_inputs(inputs)
            # Recorded at the start, because editing a file later does not change the running process.
            code = code_for(rule_of(config), config[RESOLVED])
            own_files(manifest.parent)
            half_done = any((manifest.parent / name).exists() for name in HALF_DONE)
            before = begin_or_resume(manifest.parent, half_done)
        if isinstance(settings, ShownConfig) and settings.determinism == "exact":
            make_exact()
        facts = work(settings, manifest.parent)
        if not first:
            return
        # The copy is written first: a process that is killed between the two writes has finished.
        written = write_manifest(
            manifest.with_name(FINISHED_COPY),
            config=config,
            files=vouched(manifest),
            facts=facts,
            environments_before=before,
            inputs=digests,
            code=code,
        )
        write_json(manifest, written)
        shutil.rmtree(manifest.parent / "resume", ignore_errors=True)
        seconds = time.monotonic() - began
        print(f"{config['kind']} {config['name']}-{config['hash']}: {seconds:.1f} s", flush=True)


def _take_finished(manifest: Path, config: dict[str, Any], inputs: list[Path | None]) -> bool:
    """Put the manifest of a finished stage back if config, inputs and files are as it says.

    Otherwise the copy of the manifest is deleted. If the stage is forced, or an input was made again, its
    earlier answers are deleted too, because the new work must not go on from them.
    """
    kept = manifest.with_name(FINISHED_COPY)
    if not kept.exists():
        return False
    content, anew = None, _begins_anew(kept, inputs)
    if not anew:
        with contextlib.suppress(ValueError):
            found = read_manifest(kept)
            fits = found.get("hash") == config["hash"] and not any(changes(kept))
            content = found if fits else None
    if content is None:
        _drop(kept, answers=anew)
        return False
    write_json(manifest, content)
    folder = manifest.parent
    print(f"{folder} was finished before and is taken; `--forcerun` makes it again", flush=True)
    return True


def drop_outdated(manifest: Path, inputs: Iterable[Path | None]) -> None:
    """Delete earlier answers that a stage must not go on from, once, before several processes share it."""
    kept = manifest.with_name(FINISHED_COPY)
    with FileLock(manifest.with_name(f"{FINISHED_COPY}.lock")):
        if kept.exists() and _begins_anew(kept, inputs):
            _drop(kept, answers=True)


def _begins_anew(kept: Path, inputs: Iterable[Path | None]) -> bool:
    """Return whether a stage is forced, or an input was made again since the stage was finished.

    Raises:
        Changed: an input differs from its manifest.
    """
    if os.environ.get(FORCED):
        return True
    inputs = list(inputs)
    check_inputs(inputs)
    with contextlib.suppress(ValueError):
        return not are_the_same(read_manifest(kept).get("inputs"), inputs)
    return False


def _drop(kept: Path, *, answers: bool) -> None:
    """Delete the copy of a finished stage's manifest, and with `answers` its earlier answers too."""
    for name in HALF_DONE if answers else ():
        shutil.rmtree(kept.parent / name, ignore_errors=True)
    kept.unlink()


def own_files(folder: Path) -> None:
    """Replace links by copies, because writing through a link would change the file in DVC's cache."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and path.is_file():
            with atomic_write(path) as partial:
                shutil.copyfile(path, partial)


def vouched(manifest: Path) -> list[Path]:
    """Return the files beside a manifest that are results."""
    folder = manifest.parent
    files = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        log = parts[-1] in LOGS or path.suffix == ".log"
        if log or parts[0] in (*UNVOUCHED, *LATER) or any(part.startswith(".") for part in parts):
            continue
        if path.is_file() and path != manifest:
            files.append(path)
    return files


@contextlib.contextmanager
def alone(output: Path, take: Callable[[], bool] = lambda: False) -> Generator[bool]:
    """Lock `output` for writing, and yield whether another process has already written it.

    Of several ranks, the first one takes the lock and writes the id of its launch into it. The other ranks
    wait for that. So no rank begins to work if there is nothing left to do.

    Args:
        take: puts back an output that an earlier process finished, and returns whether it did; only the
            first rank calls it.

    Raises:
        RuntimeError: the launcher of this rank ended before the first rank began.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    launch = os.environ.get("TORCHELASTIC_RUN_ID", str(os.getpid()))
    with open(output.with_name(f".{output.name}.lock"), "a+", errors="replace") as lock:
        if not _is_first_rank():
            yield _told_by_first_rank(lock, launch) == "finished"
            return
        waited = False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = True
            print(f"{output.parent}: another process is still at it; waiting", flush=True)
            lock.write(f"{launch} waits\n")
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
        finished = (waited and output.exists()) or take()
        lock.truncate(0)
        lock.write(f"{launch} {'finished' if finished else 'begins'}")
        lock.flush()
        yield finished


def _told_by_first_rank(lock: TextIO, launch: str) -> str:
    launcher, silent_since = os.getppid(), time.monotonic()
    while True:
        if os.getppid() != launcher or launcher == 1:
            raise RuntimeError("the launcher of this rank is gone; start the stage again")
        if time.monotonic() - silent_since > SILENT:
            raise RuntimeError(f"the first rank did not begin in {SILENT} s; start the stage again")
        lock.seek(0)
        for line in lock.read().splitlines():
            said, _, what = line.partition(" ")
            if said == launch and what == "waits":
                silent_since = time.monotonic()
            elif said == launch and what:
                return what
        time.sleep(0.05)


def _is_first_rank() -> bool:
    return os.environ.get("RANK", "0") == "0"


def folders(ids: dict[str, str], manifests: list[Path]) -> dict[str, Path]:
    """Return the folder of each name; its id finds the folder among the manifests."""
    by_id = {manifest.parent.name: manifest.parent for manifest in manifests}
    return {name: by_id[id] for name, id in ids.items()}


def tables(ids: dict[str, str], manifests: list[Path]) -> dict[str, Path]:
    """Return the TSV file of each benchmark; its id finds the folder among the manifests."""
    found = folders(ids, manifests)
    return {name: folder / f"{name}.tsv" for name, folder in found.items()}
