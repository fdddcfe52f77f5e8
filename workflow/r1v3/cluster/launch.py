"""Starts a stage's script as one process or as one process for each GPU, on one node or several.

    python -m r1v3.cluster.launch --processes 8 workflow/scripts/sft.py --config ...

torchrun starts the ranks of one node; srun and torchrun start those of several. In a Slurm job, Slurm is
asked for its nodes and for the remaining time. Shortly before that time is over, the script gets SIGTERM,
saves and exits, and the job is queued again. This uses none of Snakemake's retries.
"""

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from r1v3.cluster.allocation import Allocation
from r1v3.cluster.shards import shards_command

# Seconds between torchrun's SIGTERM and its SIGKILL; the script saves its state in this time.
SECONDS_TO_SAVE = 600


def ranks_command(python: list[str], script: list[str], *, processes: int) -> list[str]:
    """Return the command that starts the processes of one node; a single process needs no torchrun."""
    if processes == 1:
        return [*python, *script]
    # By its number, because a host whose own name does not resolve would wait for minutes and then fail.
    return [*_torchrun(python, processes), "--local-addr=127.0.0.1", "--standalone", *script]


def nodes_command(
    python: list[str], script: list[str], *, processes: int, job: Allocation
) -> list[str]:
    """Return the command that starts a torchrun on each of several nodes; they connect to the first."""
    srun = ["srun", f"--nodes={job.nodes}", f"--ntasks={job.nodes}", "--ntasks-per-node=1"]
    srun += [f"--cpus-per-task={job.cpus_per_node}", "--kill-on-bad-exit=1", "--unbuffered"]
    meet = [f"--nnodes={job.nodes}", "--rdzv-backend=c10d", f"--rdzv-id={job.id}-{job.restarts}"]
    meet += [f"--rdzv-endpoint={job.first_host}:{20_000 + int(job.id) % 10_000}"]
    meet += ["--rdzv-conf=join_timeout=600"]
    return [*srun, *_torchrun(python, processes), *meet, *script]


def _torchrun(python: list[str], processes: int) -> list[str]:
    program = [*python, "-m", "r1v3.cluster.ranks", f"--nproc-per-node={processes}"]
    return [*program, f"--shutdown-timeout={SECONDS_TO_SAVE}", "--max-restarts=0"]


def gpus_here() -> int:
    """Count the GPUs that this process may use, without asking the driver, which takes a second."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown is not None:
        return len([each for each in shown.split(",") if each.strip() not in ("", "-1")])
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="of the GPU environment")
    parser.add_argument("--processes", type=int, default=1, help="of a node, if it has no GPUs")
    parser.add_argument("--shards", action="store_true", help="processes share the questions")
    parser.add_argument("--tensor-parallel", type=int, help="GPUs that share one vLLM")
    parser.add_argument("--engine-memory", type=float, help="the share of a GPU that vLLM takes")
    parser.add_argument("--save-minutes", type=float, default=10.0)
    parser.add_argument("script", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    python, job, gpus = shlex.split(args.python), Allocation.here(), gpus_here()
    if args.tensor_parallel:
        os.environ["R1V3_VLLM_TENSOR_PARALLEL"] = str(args.tensor_parallel)
    if args.engine_memory:
        os.environ["R1V3_VLLM_MEMORY"] = str(args.engine_memory)
    processes = args.processes if args.processes == 1 else gpus or args.processes
    if args.shards:
        each = args.tensor_parallel or gpus
        command = shards_command(python, args.script, gpus=gpus, each=each, job=job)
        processes = max(1, gpus // max(1, each))
    elif job is None or job.nodes == 1:
        command = ranks_command(python, args.script, processes=processes)
    else:
        command = nodes_command(python, args.script, processes=processes, job=job)
    if job is None:
        os.execvp(command[0], command)
    print(f"job {job.id}: {job.nodes} nodes with {processes} processes each", flush=True)
    return job.watch(subprocess.Popen(command), margin=60 * args.save_minutes)


if __name__ == "__main__":
    sys.exit(main())
