"""Runs the user's command in a checkout whose site is the simulated cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import yaml

from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

STEPS = Path(__file__).parents[1] / "integration" / "tiny_steps.yaml"
# A simulated node's GPUs, and their share of it.
SITE = {"per_node": 2, "cpus_each": 2, "node_memory_gb_each": 3}
# Training on two simulated GPUs of one node, or of two nodes; all else on one.
ONE = {"nodes": 1, "gpus": 1, "hours": 1, "memory_gb": 4, "tensor_parallel": None}
ONE["engine_memory"] = None
LAYOUT = {stage: ONE for stage in ("reject", "parity", "probe", "evaluate")}
LAYOUT |= {"model": ONE | {"gpus": 2}, "sft": ONE | {"nodes": 2}, "grpo": ONE | {"nodes": 2}}

LENGTH = {"step": 0, "tokens": 24}


def write_overlay(path: Path, **layout: dict) -> Path:
    """Write a few steps a stage, one benchmark, one checkpoint, and machines of the simulated cluster."""
    overlay = yaml.safe_load(STEPS.read_text())
    overlay["evaluation"]["benchmarks"] = ["mmmu_val"]
    overlay["grpo"]["math"] |= {"steps": 2, "checkpoint_every": 2, "lengths": [LENGTH]}
    others = ("math_ablation", "math_tenth_rate", "math_lora")
    overlay["grpo"] |= dict.fromkeys(others, overlay["grpo"]["math"])
    path.write_text(yaml.safe_dump(overlay | {"layout": LAYOUT | layout}))
    return path


class OnSlurm:
    """Calls `snakemake --profile slurm --cores all`, with further arguments, in a checkout."""

    def __init__(self, workflow, cluster, layout: dict | None = None, **site):
        self.folder, self.cluster = workflow.folder, cluster
        self.overlay = write_overlay(self.folder / "overlay.yaml", **(layout or {}))
        path = self.folder / "slurm" / "site.yaml"
        content = yaml.safe_load(path.read_text())
        content["site"]["gpus"] |= SITE
        content["site"] |= {"check_seconds": 3} | site
        path.write_text(yaml.safe_dump(content))

    @property
    def tiny(self) -> list[str]:
        """The further arguments for the tiny recipe with a few steps a stage."""
        return ["--config", "recipe=tiny", f"overlay={self.overlay}"]

    @property
    def graph(self) -> ResultGraph:
        return ResultGraph(load_project(self.folder, "tiny", self.overlay))

    @property
    def environment(self) -> dict[str, str]:
        """The environment of commands in this checkout."""
        binaries = f"{Path(sys.executable).parent}:{self.cluster.environment['PATH']}"
        library = {"PATH": binaries, "PYTHONPATH": str(self.folder / "workflow")}
        return self.cluster.environment | library

    def call(self, *command: str) -> str:
        """Run a command in this checkout, and return what it prints."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *appended: str) -> subprocess.Popen:
        """Start the command in its own process group."""
        return subprocess.Popen(
            ["snakemake", "--profile", "slurm", "--cores", "all", *appended],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_hears_ctrl_c,
        )

    def run(self, *appended: str, check: bool = True) -> str:
        """Run the command to its end, and return what it printed."""
        with ended(self.start(*appended)) as process:
            said = process.communicate(timeout=1500)[0]
        assert not check or process.returncode == 0, said[-8000:]
        return said

    def losses(self, folder: str) -> list[float]:
        """Return the loss of every step of a run's folder, from the root of the checkout."""
        path = self.folder / folder / "metrics.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)["loss"] for line in lines if line.endswith("}")]

    def job_of(self, folder: str) -> tuple[str, str] | None:
        """Return Slurm's id and the node of the running job of a run's folder."""
        listed = self.cluster.call("squeue", "-h", "-t", "RUNNING", "-o", "%i|%N|%k")
        for line in listed.splitlines():
            job, node, comment = line.split("|", 2)
            if Path(folder).name in comment:
                return job, node
        return None


def _hears_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job would ignore it


@contextmanager
def ended(process: subprocess.Popen):
    """End a process group that still runs at the end of the block."""
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(holds, what: str, seconds: float = 120):
    """Wait until a function returns something true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.1)
    raise AssertionError(f"after {seconds:.0f} s there is no sign of {what}")
