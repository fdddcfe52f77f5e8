"""Several processes that share a stage's questions, each with its own engine on its own GPUs: data parallel.

Each asks its part (`R1V3_SHARD`) and vouches for nothing; afterwards one process finds every answer there,
and writes the manifest.
"""

import os
import subprocess
import sys

from r1v3.cluster.allocation import Allocation


def run_shards(
    python: list[str], script: list[str], gpus: int, each: int, job: Allocation | None
) -> int:
    """Start `gpus // each` shards on each node, wait, then the script alone; the first failure's code."""
    nodes = job.nodes if job else 1
    here = max(1, gpus // max(1, each))
    if nodes * here > 1:
        if nodes > 1:
            own = [sys.executable, "-m", "r1v3.cluster.shards", str(here), str(each), *python, "--"]
            srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
            code = subprocess.call([*srun, "--kill-on-bad-exit=1", *own, *script])
        else:
            code = shards_of_node([*python, *script], 0, here, here, each)
        if code:
            return code
    return subprocess.call([*python, *script])


def shards_of_node(command: list[str], first: int, count: int, parts: int, each: int) -> int:
    """Run the shards of one node; when one fails the others are ended, and start again where they were."""
    shown = [gpu for gpu in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu]
    shown = shown or [str(number) for number in range(count * each)]
    running = []
    for number in range(count):
        own = ",".join(shown[number * each : (number + 1) * each])
        shard = {"CUDA_VISIBLE_DEVICES": own, "R1V3_SHARD": f"{first + number}/{parts}"}
        running.append(subprocess.Popen(command, env=os.environ | shard))
    codes = []
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


if __name__ == "__main__":
    count, each, *words = sys.argv[1:]
    cut = words.index("--")
    task, nodes = int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_NTASKS"])
    command = [*words[:cut], *words[cut + 1 :]]
    sys.exit(shards_of_node(command, task * int(count), int(count), nodes * int(count), int(each)))
