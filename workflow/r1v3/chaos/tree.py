"""A copy of a checkout in which Snakemake runs and is damaged. Nothing outside of it is touched."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from r1v3.base.file_hash import file_sha256
from r1v3.chaos.server import VerifierServer
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.graph.targets import Targets
from r1v3.recipe.load import load_project
from r1v3.recipe.outputs.check import TIMED

PARTS = ("Snakefile", "workflow", "config", "profiles", "slurm", "envs")
OVERLAY = Path(__file__).with_name("tiny_chaos.yaml")
# Overrides RL's entry in the copied run table, so that neither a teacher nor a cold start is made.
START = {"from": "base"}
STEADY = {"OMP_NUM_THREADS": "1", "PYTHONPATH": "workflow"}
MOST = 3600  # most seconds that a call may take on a busy machine
DROPPED = ("MLFLOW_TRACKING_URI", "RANK")


class Hung(RuntimeError):
    """Something that should have happened did not. The round has failed."""


@dataclass
class Call:
    """A Snakemake process in its own session, and the file with its output."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait(self) -> int:
        """Wait for the process and return its exit code. If it does not end, it is killed.

        Raises:
            Hung: it did not end.
        """
        try:
            return self.process.wait(MOST)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Hung(f"Snakemake did not end in {MOST} s") from None

    def kill(self) -> None:
        """Send SIGKILL to Snakemake and to all processes of its session, as if the node had died."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self) -> str:
        """Return everything that it and its jobs have written to the screen."""
        return self.log.read_text(errors="replace")


@dataclass
class Tree:
    """A copy of a checkout with results.

    Args:
        root: the checkout whose workflow and configuration are copied.
        folder: folder of the copy.
        random: draws moments and places.
        verifier: the server that RL asks.
        environment: further variables of every call.
        prefix: words before the command of every call of Snakemake, such as those of `setpriv`.
        bytecode: folder of Python's compiled modules, which trees share; None for a separate one.
    """

    root: Path
    folder: Path
    random: random.Random
    verifier: VerifierServer
    environment: dict[str, str] = field(default_factory=dict)
    prefix: list[str] = field(default_factory=list)
    bytecode: Path | None = None
    calls: list[Call] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)  # output of other commands
    hurt: set[str] = field(default_factory=set)  # result folders that had to be made again

    def fill(self, finished: Path | None = None) -> None:
        """Copy workflow and configuration, and the results of a finished tree with Snakemake's metadata."""
        if finished is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            shutil.copytree(finished / "results", self.results, symlinks=True)
            shutil.copytree(finished / ".snakemake", self.folder / ".snakemake", symlinks=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            source, ignored = self.root / part, shutil.ignore_patterns("__pycache__", "*.egg-info")
            if source.is_dir():
                shutil.rmtree(self.folder / part, ignore_errors=True)
                shutil.copytree(source, self.folder / part, ignore=ignored, symlinks=True)
            elif source.exists():
                shutil.copy2(source, self.folder / part)
        table = self.folder / "config" / "runs.yaml"
        runs = yaml.safe_load(table.read_text())
        runs["rl"] |= START
        table.write_text(yaml.safe_dump(runs, sort_keys=False))
        graph = ResultGraph(load_project(self.folder, "tiny", OVERLAY))
        self.rl = self.folder / graph.run("rl").folder
        scores = Targets(graph, 1).scores("rl", "last", "held_out")
        self.answers = (self.folder / scores).parent
        self.data = self.folder / graph.data("math_normal").folder
        self.start = self.folder / graph.run(START["from"]).folder
        self.targets = ["results/runs/rl.json", scores]

    @property
    def results(self) -> Path:
        """Return the folder of all results."""
        return self.folder / "results"

    def forget(self, *parts: str) -> None:
        """Remove results, as if they had not been made yet. Configs stay.

        Answers depend on the weights alone, which are compared. So if `rl` is made again and `answers` is
        not named, the answers are not requested, which keeps a round short.

        Args:
            parts: some of `rl`, `answers` and `scores`; `answers` includes the scores.
        """
        if "rl" in parts:
            (self.results / "runs" / "rl.json").unlink()
            self.targets = self.targets[: None if "answers" in parts else 1]
        if "scores" in parts:
            (self.answers / "scores.json").unlink()
        folders = {"rl": self.rl, "answers": self.answers}
        for folder in (folders[part] for part in parts if part in folders):
            config = (folder / "config.json").read_bytes()
            shutil.rmtree(folder)
            folder.mkdir(parents=True)
            (folder / "config.json").write_bytes(config)

    def call(self, *targets: str) -> Call:
        """Start Snakemake on the targets, so that it makes what is missing."""
        log = self.folder / f"call-{len(self.calls)}.txt"
        command = [*self.prefix, sys.executable, "-m", "snakemake", "--cores", "2"]
        command += [
            "--config",
            "recipe=tiny",
            f"overlay={OVERLAY}",
            "--",
            *(targets or self.targets),
        ]
        with open(log, "wb") as file:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.calls.append(Call(process, log))
        return self.calls[-1]

    def lose_power(self, call: Call) -> None:
        """Kill the call and every process of this tree, including those in their own sessions."""
        call.kill()
        for pid in self.processes():
            end(pid)
        self.wait_for("the end of all processes", lambda: not self.processes(), None)

    def r1v3(self, *arguments: str) -> tuple[int, str]:
        """Call a command of this project in the copy. Return its exit code and its output."""
        done = subprocess.run(
            [sys.executable, "-m", "r1v3", *arguments],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def wait_for(self, what: str, seen: Callable[[], bool], call: Call | None) -> None:
        """Wait until `seen` returns true; if a call is given, only while it runs.

        Raises:
            Hung: the call ended, or too much time passed, before that.
        """
        until = time.monotonic() + MOST
        while not seen():
            if call is not None and call.process.poll() is not None and not seen():
                raise Hung(f"Snakemake ended before {what}: {call.said()[-600:]}")
            if time.monotonic() > until:
                raise Hung(f"{what} was not seen in {MOST} s")
            time.sleep(0.02)

    def pause(self, most: float) -> None:
        """Wait for a random time of at most `most` seconds."""
        time.sleep(self.random.random() * most)

    def steps(self) -> int:
        """Return the number of steps in RL's curve."""
        metrics = self.rl / "metrics.jsonl"
        return metrics.read_bytes().count(b"\n") if metrics.exists() else 0

    def training(self, call: Call) -> int:
        """Wait for a random step of RL except the last one, and for a random moment in it."""
        step = self.random.randint(1, 5)
        self.wait_for(f"step {step}", lambda: self.steps() >= step, call)
        self.pause(0.3)
        return step

    def processes(self, *words: str) -> list[int]:
        """Return the processes of this tree (and of no other) whose command has all the words."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                here = Path(os.readlink(entry / "cwd")) == self.folder.resolve()
            except OSError:
                continue
            if here and all(any(word in part for part in command) for word in words):
                found.append(int(entry.name))
        return sorted(found)

    def ranks(self) -> list[int]:
        """Return the processes of RL's ranks."""
        return [
            pid
            for pid in self.processes("workflow/scripts/grpo.py")
            if b"\0RANK=" in b"\0" + _environ(pid)
        ]

    def complete(self) -> dict[str, str]:
        """Return each finished folder with the time at which it was made; a reused one keeps its time."""
        return {
            str(path.parent.relative_to(self.results)): _made(path) for path in self._vouching()
        }

    def outcome(self) -> dict[str, object]:
        """Return the sha256 on disk of each file in a manifest, and the content of each scores.json.

        A curve holds times, so of a curve only the steps count.
        """
        found: dict[str, object] = {}
        for path in self._vouching():
            for name in json.loads(path.read_text())["files"]:
                file = path.parent / name
                if file.exists():
                    timed = file.name in TIMED
                    found[str(file.relative_to(self.results))] = (
                        _steps(file) if timed else file_sha256(file)
                    )
        for path in sorted(self.results.rglob("scores.json")):
            found[str(path.relative_to(self.results))] = json.loads(path.read_text())
        return found

    def _vouching(self) -> list[Path]:
        return sorted([*self.results.rglob("manifest.json"), *self.results.rglob("responses.json")])

    def end(self) -> None:
        """Kill the remaining processes of this tree."""
        for call in self.calls:
            call.kill()
        for pid in self.processes():
            if pid != os.getpid():
                end(pid)

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in DROPPED}
        compiled = {"PYTHONPYCACHEPREFIX": str(self.bytecode or self.folder / ".bytecode")}
        return kept | STEADY | compiled | self.verifier.environment | self.environment


def end(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process that may have ended already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _made(path: Path) -> str:
    try:
        return json.loads(path.read_text())["created"]
    except (ValueError, LookupError, TypeError):
        return "damaged"


def _environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _steps(curve: Path) -> list[int]:
    """Return the steps of a curve. Its other values include times."""
    return [json.loads(line)["step"] for line in curve.read_text().splitlines()]
