"""Runs scripts and Snakemake in their own processes, which start with the slow imports done.

Tests that kill a trainer, start several trainers or plan a workflow would otherwise spend most of their time
on imports. So processes are forked from one that has done these imports.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

from loopback import free_port

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli", "r1v3.train.sft.trainer", "r1v3.train.grpo.trainer"])


def run_script(script: Path, *arguments) -> subprocess.CompletedProcess:
    """Run a script to its end; `returncode` is -9 if signal 9 ended it."""
    return _run(script, arguments, [{}])[0]


def run_ranks(script: Path, world: int, *arguments, per_node: int | None = None) -> None:
    """Run a script on `world` ranks that meet over loopback, as torchrun starts them on nodes.

    Raises:
        AssertionError: a rank failed; the message has its output.
    """
    local = per_node or world
    shared = {"WORLD_SIZE": world, "LOCAL_WORLD_SIZE": local, "OMP_NUM_THREADS": 1}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    ranks = [shared | {"RANK": n, "LOCAL_RANK": n % local} for n in range(world)]
    for done in _run(script, arguments, ranks):
        assert done.returncode == 0, done.stderr


def run_snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run Snakemake in a checkout to its end; `stdout` has its errors too."""
    binaries = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as said:
        output = Path(said) / "out"
        process = FORKS.Process(
            target=_snakemake, args=(folder, arguments, dict(environment), output)
        )
        process.start()
        process.join()
        text = output.read_text(errors="replace")
    return subprocess.CompletedProcess(["snakemake", *arguments], process.exitcode, text)


def _snakemake(folder: Path, arguments: tuple, environment: dict, output: Path) -> None:
    opened = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(opened, 1)
    os.dup2(opened, 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for name in [name for name in sys.modules if name.split(".")[0] == "r1v3"]:
        del sys.modules[name]  # the checkout has modules of its own
    sys.argv = ["snakemake", *arguments]
    from snakemake.cli import main

    main()


def _run(script: Path, arguments: tuple, environments: list[dict]):
    command = [str(script), *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder) / str(number) for number in range(len(environments))]
        processes = [
            FORKS.Process(target=_begin, args=(command, environment, path))
            for environment, path in zip(environments, said)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        return [
            subprocess.CompletedProcess(
                command,
                process.exitcode,
                path.with_suffix(".out").read_text(),
                path.with_suffix(".err").read_text(),
            )
            for process, path in zip(processes, said)
        ]


def _begin(command: list[str], environment: dict, said: Path) -> None:
    for number, suffix in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(said.with_suffix(suffix), os.O_WRONLY | os.O_CREAT), number)
    os.environ.update({name: str(value) for name, value in environment.items()})
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")
