"""Shards: several processes share a stage's questions, each with its own engine on its own GPUs.

Each shard asks its part of the questions (`R1V3_SHARD`) and writes no manifest. Afterwards one process finds
all answers on disk and writes the manifest. The launcher has a single child for all of this. When the job's
time is nearly over, that child gets SIGTERM, passes it on, and exits with the code of its shards. Answers
that were written are kept.
"""

import os
import signal
import subprocess
import sys

from r1v3.cluster.allocation import Allocation


def shards_command(
    python: list[str], script: list[str], *, gpus: int, each: int, job: Allocation | None
) -> list[str]:
    """Return the command that runs `gpus // each` shards on each node, waits, then runs the script once."""
    here = max(1, gpus // max(1, each))
    own = [sys.executable, "-m", "r1v3.cluster.shards"]
    nodes, cpus = (job.nodes, job.cpus_per_node) if job else (1, 0)
    return [*own, "job", f"{nodes}x{cpus}", str(here), str(each), *python, *script]


def run_shards(nodes: int, cpus: int, here: int, each: int, command: list[str]) -> int:
    """Run the shards of every node, then the script once. Return the exit code of the first failure."""
    if nodes * here > 1:
        if nodes > 1:
            # Slurm signals the tasks itself; srun would kill them if it got the signal.
            signal.signal(signal.SIGTERM, lambda *_: None)
            code = subprocess.call(node_command(nodes, cpus, here, each, command))
        else:
            code = shards_of_node(command, 0, here, here, each)
        if code:
            return code
    return _call(command)


def node_command(nodes: int, cpus: int, here: int, each: int, command: list[str]) -> list[str]:
    """Return the command that starts the shards of each node; srun needs the job's number of CPUs."""
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    srun += [f"--cpus-per-task={cpus}", "--kill-on-bad-exit=1"]
    return [
        *srun,
        sys.executable,
        "-m",
        "r1v3.cluster.shards",
        "node",
        str(here),
        str(each),
        *command,
    ]


def shards_of_node(command: list[str], first: int, count: int, parts: int, each: int) -> int:
    """Run the shards of one node. If one fails, the others are stopped; a later run continues them."""
    shown = [gpu for gpu in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu]
    shown = shown or [str(number) for number in range(count * each)]
    running = []
    for number in range(count):
        own = ",".join(shown[number * each : (number + 1) * each])
        shard = {"CUDA_VISIBLE_DEVICES": own, "R1V3_SHARD": f"{first + number}/{parts}"}
        running.append(subprocess.Popen(command, env=os.environ | shard))
    codes = []
    _forward_sigterm(running)
    while running:
        for process in running:
            try:
                codes.append(process.wait(0.2))
            except subprocess.TimeoutExpired:
                continue
            running.remove(process)
            if codes[-1]:
                for other in running:
                    other.terminate()
            break
    return next((code for code in codes if code), 0)


def _call(command: list[str]) -> int:
    """Run one command and pass this process's SIGTERM on to it. Return its exit code."""
    running = [subprocess.Popen(command)]
    _forward_sigterm(running)
    return running[0].wait()


def _forward_sigterm(running: list[subprocess.Popen]) -> None:
    def tell(*_) -> None:
        for process in running:
            process.terminate()

    signal.signal(signal.SIGTERM, tell)


def main() -> int:
    kind, *words = sys.argv[1:]
    if kind == "job":
        size, here, each, *command = words
        nodes, cpus = map(int, size.split("x"))
        return run_shards(nodes, cpus, int(here), int(each), command)
    here, each, command = int(words[0]), int(words[1]), words[2:]
    task, nodes = int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_NTASKS"])
    return shards_of_node(command, task * here, here, nodes * here, each)


if __name__ == "__main__":
    sys.exit(main())
