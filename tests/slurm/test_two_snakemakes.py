"""Two Snakemakes in one checkout, on two nodes: the second one stays out, and nothing is made twice."""

import subprocess

import pytest
from on_slurm import OnSlurm, ended, until

STEPS = 120
RUN = "twice"
# A node has its own name and processes, as a real one has; the simulated ones share those of the machine.
SRUN = ["srun", "-N1", "-n1", "--mem=4000"]
NODE = ["unshare", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, make_workflow, cluster):
    """A checkout with all that a run of some steps needs."""
    workflow = make_workflow(tmp_path_factory.mktemp("two"))
    run = {"stage": "sft", "from": "base", "data": "seeing", "settings": "cold_start"}
    run |= {"set": {"max_steps": STEPS, "epochs": 1000}}
    workflow.edit("runs.yaml", lambda runs: runs.update({RUN: run}))
    made = OnSlurm(workflow, cluster)
    made.call("snakemake", "--cores", "2", *made.tiny, "--", "results/runs/base.json")
    return made


def on(checkout: OnSlurm, node: str, *command: str) -> subprocess.Popen:
    """Start a command on a node, as `salloc` and a shell there would."""
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


def snakemake(checkout: OnSlurm, node: str, *options: str) -> subprocess.Popen:
    command = ["snakemake", "--cores", "1", *options, *checkout.tiny, "--"]
    return on(checkout, node, *command, f"results/runs/{RUN}.json")


def test_a_second_snakemake_on_another_node_disturbs_nothing(checkout):
    folder = checkout.documents.run(RUN).folder
    first = snakemake(checkout, "node1")
    with ended(first):
        until(lambda: len(checkout.losses(folder)) >= 5, "five steps", 240)

        unlocking = on(checkout, "node2", "python", "workflow/scripts/unlock.py")
        with ended(unlocking):
            said = unlocking.communicate(timeout=240)[0]
        assert "The lock of this folder stays" in said
        assert "node1-" in said

        locked_out = snakemake(checkout, "node2")
        with ended(locked_out):
            said = locked_out.communicate(timeout=240)[0]
        assert locked_out.returncode != 0
        assert "lock" in said
        assert "Traceback" not in said
        assert first.poll() is None, "the first one ended too early to be disturbed"

        # Who removes the lock all the same, or has a file system without any, waits for the stage.
        beside = snakemake(checkout, "node2", "--nolock")
        with ended(beside):
            said = beside.communicate(timeout=600)[0]
            assert first.communicate(timeout=600)[0] is not None
        assert beside.returncode == 0, said[-4000:]
        assert "another process is still at it; waiting" in said
    assert first.returncode == 0
    assert len(checkout.losses(folder)) == STEPS
    log = (checkout.folder / folder / "log.txt").read_text()
    assert log.count(": starting") == 1
    assert (checkout.folder / f"results/runs/{RUN}.json").exists()


def test_a_third_call_has_nothing_to_do(checkout):
    after = snakemake(checkout, "node2")
    with ended(after):
        said = after.communicate(timeout=240)[0]
    assert after.returncode == 0
    assert "Nothing to be done" in said
