"""Two Snakemakes in one checkout, on two nodes: the second one is refused, and nothing is made twice."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from on_slurm import OnSlurm, ended, until

STEPS = 30
RUN = "twice"
SRUN = ["srun", "-N1", "-n1", "--mem=4000"]
# A node has a name and processes of its own; the simulated ones share those of the machine.
NODE = ["unshare", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, make_workflow, cluster, finished):
    """Make a checkout with the results of another, and one more run."""
    workflow = make_workflow(tmp_path_factory.mktemp("two"))
    run = {"stage": "sft", "from": "base", "data": "seeing", "settings": "cold_start"}
    run |= {"set": {"max_steps": STEPS, "epochs": 1000}}
    workflow.edit("runs.yaml", lambda runs: runs.update({RUN: run}))
    shutil.copytree(finished[0].folder / "results", workflow.folder / "results")
    return OnSlurm(workflow, cluster)


def snakemake(checkout: OnSlurm, node: str, *options: str) -> subprocess.Popen:
    """Start Snakemake on a node, as `salloc` and a shell there would."""
    command = ["snakemake", "--cores", "1", *options, *checkout.tiny, "--"]
    command.append(f"results/runs/{RUN}.json")
    return subprocess.Popen(
        [*SRUN, "-w", node, *NODE, f'hostname {node}; exec "$@"', "sh", *command],
        cwd=checkout.folder,
        env=checkout.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def trainers(checkout: OnSlurm) -> list[int]:
    """Return the processes that train in a checkout."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            here = Path(os.readlink(path / "cwd")) == checkout.folder
            if here and b"workflow/scripts/sft.py" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return found


def test_a_second_snakemake_on_another_node_disturbs_nothing(checkout):
    folder = checkout.graph.run(RUN).folder
    log = checkout.folder / folder / "log.txt"
    first = snakemake(checkout, "node1")
    with ended(first):
        until(lambda: checkout.losses(folder), "a step", 400)
        training = trainers(checkout)
        for pid in training:
            os.kill(pid, signal.SIGSTOP)  # so that it takes longer than the others need to look
        try:
            locked_out = snakemake(checkout, "node2")
            with ended(locked_out):
                said = locked_out.communicate(timeout=300)[0]
            assert locked_out.returncode != 0
            assert "the folder is locked, and its Snakemake (node1-" in said
            assert "Traceback" not in said

            # Who passes over the lock all the same, or has none, waits for the stage and takes what it made.
            beside = snakemake(checkout, "node2", "--nolock")
            with ended(beside):
                until(lambda: "another process is still at it" in log.read_text(), "waiting", 400)
                for pid in training:
                    os.kill(pid, signal.SIGCONT)
                said = beside.communicate(timeout=400)[0]
                assert first.communicate(timeout=400)[0] is not None
            assert (first.returncode, beside.returncode) == (0, 0), said[-4000:]
        finally:
            for pid in training:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
    assert len(checkout.losses(folder)) == STEPS
    assert log.read_text().count(f"sft {Path(folder).name}: starting") == 1

    after = snakemake(checkout, "node2")
    with ended(after):
        said = after.communicate(timeout=300)[0]
    assert after.returncode == 0
    assert "Nothing to be done" in said
